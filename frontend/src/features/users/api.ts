import type {
  AccountInput,
  AccountList,
  AccountRead,
  AccessTokenRead,
  ChallengeRead,
  HandedRead,
  InvitationInput,
  InvitationList,
  InvitationLook,
  InvitationMade,
  JoinInputWritable,
  ProjectList,
  RoleInput,
} from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

type Role = RoleInput['role']

const at = (id: number): { path: { user_id: number } } => ({ path: { user_id: id } })

export function fetchAccounts(signal?: AbortSignal): Promise<AccountList> {
  return unwrap(sdk.listAccounts({ signal }))
}

export function createAccount(body: AccountInput): Promise<HandedRead> {
  return unwrap(sdk.createUser({ body }))
}

export function setRole(id: number, role: Role): Promise<AccountRead> {
  return unwrap(sdk.setUserRole({ ...at(id), body: { role } }))
}

export function disableAccount(id: number): Promise<AccountRead> {
  return unwrap(sdk.disableUser(at(id)))
}

export function enableAccount(id: number): Promise<AccountRead> {
  return unwrap(sdk.enableUser(at(id)))
}

export function resetPassword(id: number): Promise<HandedRead> {
  return unwrap(sdk.resetPassword(at(id)))
}

export function demandNewPassword(id: number): Promise<AccountRead> {
  return unwrap(sdk.demandNewPassword(at(id)))
}

export async function endSessions(id: number): Promise<number> {
  return (await unwrap(sdk.endSessionsOfUser(at(id)))).ended
}

export async function deleteAccount(id: number): Promise<void> {
  await unwrap(sdk.deleteUser(at(id)))
}

export function fetchInvitations(signal?: AbortSignal): Promise<InvitationList> {
  return unwrap(sdk.listInvitations({ signal }))
}

/** 見えるプロジェクト。名前の順。 */
export function fetchProjects(signal?: AbortSignal): Promise<ProjectList> {
  return unwrap(sdk.listProjects({ signal }))
}

export function createInvitation(body: InvitationInput): Promise<InvitationMade> {
  return unwrap(sdk.createInvitation({ body }))
}

export async function withdrawInvitation(id: number): Promise<void> {
  await unwrap(sdk.withdrawInvitation({ path: { invitation_id: id } }))
}

export function lookAtInvitation(token: string): Promise<InvitationLook> {
  return unwrap(sdk.lookAtInvitation({ body: { token } }))
}

/** 役割が二段階を求めていれば、通行証の代わりに途中の証しが返る。 */
export function join(body: JoinInputWritable): Promise<AccessTokenRead | ChallengeRead> {
  return unwrap(sdk.join({ body }))
}
