import type { AccessTokenRead, SetupInputWritable, SetupState } from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

export function fetchSetup(): Promise<SetupState> {
  return unwrap(sdk.getSetup())
}

export function createAdministrator(body: SetupInputWritable): Promise<AccessTokenRead> {
  return unwrap(sdk.setup({ body }))
}
