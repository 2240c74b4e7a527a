import type {
  AccessTokenRead,
  ChallengeRead,
  EnrolledRead,
  EnrolmentRead,
  PreferencesRead,
  ProofInputWritable,
  ProviderOption,
  RecoveryCodesRead,
  SecondFactorRead,
  UserRead,
} from '@/api'
import { unwrap } from '@/api/client'
import * as sdk from '@/api/generated'
import { onTokenChange, renewToken, setToken } from '@/api/token'

export { onTokenChange }

/** 前のログインを続けられるなら、その人。 */
export async function resumeSession(): Promise<UserRead | null> {
  return (await renewToken()) === null ? null : unwrap(sdk.getMe())
}

export function currentUser(): Promise<UserRead> {
  return unwrap(sdk.getMe())
}

export function savePreferences(body: PreferencesRead): Promise<PreferencesRead> {
  return unwrap(sdk.setMyPreferences({ body }))
}

/** 替えると、ほかの端末のログインは全部終わる。 */
export async function changePassword(current: string, next: string): Promise<void> {
  await unwrap(sdk.changeMyPassword({ body: { current_password: current, new_password: next } }))
}

export async function setupNeeded(): Promise<boolean> {
  return (await unwrap(sdk.getSetup())).needed
}

/** 受け取った通行証で入る(初回の設定は、ログインを通らずに通行証をくれる)。 */
export function enterWith(token: AccessTokenRead): Promise<UserRead> {
  setToken(token)
  return unwrap(sdk.getMe())
}

/** 二段目が要る人には、通行証の代わりに途中の証しが返る。 */
export function logIn(username: string, password: string): Promise<AccessTokenRead | ChallengeRead> {
  return unwrap(sdk.login({ body: { username, password } }))
}

/** ログインの画面に並べる、外の提供者。 */
export async function fetchProviders(signal?: AbortSignal): Promise<ProviderOption[]> {
  return (await unwrap(sdk.listSignInOptions({ signal }))).items
}

/** 提供者の画面の住所。続きは、このブラウザでしかできない。 */
export async function startProviderSignIn(id: number): Promise<string> {
  return (await unwrap(sdk.startProviderSignIn({ path: { provider_id: id } }))).authorization_url
}

export function answerChallenge(challenge: string, code: string): Promise<AccessTokenRead> {
  return unwrap(sdk.answerChallenge({ body: { challenge, code } }))
}

export function beginChallengeEnrolment(challenge: string): Promise<EnrolmentRead> {
  return unwrap(sdk.beginChallengeEnrolment({ body: { challenge } }))
}

export function confirmChallengeEnrolment(challenge: string, code: string): Promise<EnrolledRead> {
  return unwrap(sdk.confirmChallengeEnrolment({ body: { challenge, code } }))
}

export async function logOut(): Promise<void> {
  try {
    await unwrap(sdk.logout())
  } finally {
    setToken(null)
  }
}

export function fetchSecondFactor(signal?: AbortSignal): Promise<SecondFactorRead> {
  return unwrap(sdk.getSecondFactor({ signal }))
}

export function beginSecondFactor(body: ProofInputWritable): Promise<EnrolmentRead> {
  return unwrap(sdk.beginSecondFactor({ body }))
}

export function confirmSecondFactor(code: string): Promise<RecoveryCodesRead> {
  return unwrap(sdk.confirmSecondFactor({ body: { code } }))
}

export function renewRecoveryCodes(body: ProofInputWritable): Promise<RecoveryCodesRead> {
  return unwrap(sdk.renewRecoveryCodes({ body }))
}

export async function disableSecondFactor(body: ProofInputWritable): Promise<void> {
  await unwrap(sdk.disableSecondFactor({ body }))
}
