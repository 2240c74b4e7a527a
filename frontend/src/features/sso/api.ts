import type {
  AccessTokenRead,
  ChallengeRead,
  DiscoveredRead,
  IdentityList,
  LinkInput,
  LinkOwnInputWritable,
  ProofInputWritable,
  ProviderAnswerInput,
  ProviderInputWritable,
  ProviderList,
  ProviderOption,
  ProviderRead,
  Role,
  SecondFactorRead,
  SignInPersonRead,
} from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'

/** 身元を結びつけるためだったなら `null`。 */
export async function finishSignIn(body: ProviderAnswerInput): Promise<AccessTokenRead | ChallengeRead | null> {
  const answer = await unwrap(sdk.finishProviderSignIn({ body }))
  return typeof answer === 'object' && Object.keys(answer).length > 0 ? answer : null
}

export async function fetchOptions(signal?: AbortSignal): Promise<ProviderOption[]> {
  return (await unwrap(sdk.listSignInOptions({ signal }))).items
}

export function fetchOwnIdentities(signal?: AbortSignal): Promise<IdentityList> {
  return unwrap(sdk.listOwnIdentities({ signal }))
}

export function fetchSecondFactor(signal?: AbortSignal): Promise<SecondFactorRead> {
  return unwrap(sdk.getSecondFactor({ signal }))
}

/** 提供者の画面の住所。 */
export async function startLinking(body: LinkOwnInputWritable): Promise<string> {
  return (await unwrap(sdk.startLinking({ body }))).authorization_url
}

export async function unlinkOwnIdentity(id: number, body: ProofInputWritable): Promise<void> {
  await unwrap(sdk.unlinkOwnIdentity({ path: { identity_id: id }, body }))
}

export function fetchProviders(signal?: AbortSignal): Promise<ProviderList> {
  return unwrap(sdk.listIdentityProviders({ signal }))
}

export function createProvider(body: ProviderInputWritable): Promise<ProviderRead> {
  return unwrap(sdk.createIdentityProvider({ body }))
}

/** `version` は読んだときの版。`null` なら、ほかの人の変更を確かめずに上書きする。 */
export function updateProvider(id: number, body: ProviderInputWritable, version: number | null): Promise<ProviderRead> {
  const headers = version === null ? {} : { 'if-match': `"${version}"` }
  return unwrap(sdk.updateIdentityProvider({ path: { provider_id: id }, body, headers }))
}

export async function deleteProvider(id: number): Promise<void> {
  await unwrap(sdk.deleteIdentityProvider({ path: { provider_id: id } }))
}

export function discover(issuer: string): Promise<DiscoveredRead> {
  return unwrap(sdk.discoverIdentityProvider({ body: { issuer } }))
}

export async function fetchRequiredRoles(signal?: AbortSignal): Promise<Role[]> {
  return (await unwrap(sdk.getSignInPolicy({ signal }))).second_factor_roles
}

export async function requireRoles(roles: Role[]): Promise<Role[]> {
  return (await unwrap(sdk.setSignInPolicy({ body: { second_factor_roles: roles } }))).second_factor_roles
}

export async function fetchPeople(signal?: AbortSignal): Promise<SignInPersonRead[]> {
  return (await unwrap(sdk.listSignInPeople({ signal }))).items
}

export async function resetSecondFactor(userId: number): Promise<void> {
  await unwrap(sdk.resetSecondFactor({ path: { user_id: userId } }))
}

export function fetchIdentities(signal?: AbortSignal): Promise<IdentityList> {
  return unwrap(sdk.listIdentities({ signal }))
}

export async function linkIdentity(userId: number, body: LinkInput): Promise<void> {
  await unwrap(sdk.linkIdentity({ path: { user_id: userId }, body }))
}

export async function unlinkIdentity(userId: number, id: number): Promise<void> {
  await unwrap(sdk.unlinkIdentity({ path: { user_id: userId, identity_id: id } }))
}
