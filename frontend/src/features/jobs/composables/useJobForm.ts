import { computed, reactive, ref, type ComputedRef, type Ref } from 'vue'

import type { JobInput, JobRead } from '@/api'

import { envFromRows, envProblems, rowsFromEnv, type EnvRow } from './envRows'
import { bytesFromLimit, DEFAULT_LOG_BYTES, limitFromBytes, limitProblem, type LogLimit } from './logLimit'
import { DEFAULT_POLICIES, formFromPolicies, policiesFromForm, type PolicyForm } from './policyForm'
import { MIN_SILENCE_S, secondsFromTimeout, timeoutFromSeconds, timeoutProblem, type Timeout } from './timeoutUnits'

export interface JobForm {
  name: string
  description: string
  script: string
  interpreter: string
  serverIds: number[]
  selector: string
  env: EnvRow[]
  workingDirectory: string
  timeout: Timeout
  /** 連絡なしで続ける長さ。空なら、いつまでも続ける。 */
  silence: Timeout
  /** 残すログの大きさ。空なら、全部残す。 */
  logLimit: LogLimit
  policies: PolicyForm
  enabled: boolean
}

const FIRST_SCRIPT = '#!/bin/sh\nset -eu\n\necho "Hello from $(hostname)"\n'

/** 新しいジョブは、そのまま動く短い台本から始める。 */
export function formFromJob(job: JobRead | null): JobForm {
  if (job === null) {
    return {
      name: '',
      description: '',
      script: FIRST_SCRIPT,
      interpreter: '',
      serverIds: [],
      selector: '',
      env: [],
      workingDirectory: '',
      timeout: timeoutFromSeconds(null),
      silence: timeoutFromSeconds(null),
      logLimit: limitFromBytes(DEFAULT_LOG_BYTES),
      policies: formFromPolicies(DEFAULT_POLICIES),
      enabled: true,
    }
  }
  return {
    name: job.name,
    description: job.description,
    script: job.script,
    interpreter: job.interpreter ?? '',
    serverIds: job.servers.map((server) => server.id),
    selector: job.selector ?? '',
    env: rowsFromEnv(job.env),
    workingDirectory: job.working_directory ?? '',
    timeout: timeoutFromSeconds(job.timeout_s),
    silence: timeoutFromSeconds(job.stop_without_contact_s),
    logLimit: limitFromBytes(job.max_log_bytes),
    policies: formFromPolicies(job),
    enabled: job.enabled,
  }
}

const orNull = (text: string): string | null => (text.trim() === '' ? null : text.trim())

/** 台本は一文字も変えずに送る(末尾の空白や CRLF も利用者のもの)。 */
export function inputFromForm(form: JobForm): JobInput {
  return {
    name: form.name.trim(),
    description: form.description.trim(),
    kind: 'script',
    script: form.script,
    interpreter: orNull(form.interpreter),
    server_ids: form.serverIds,
    selector: orNull(form.selector),
    env: envFromRows(form.env),
    working_directory: orNull(form.workingDirectory),
    timeout_s: secondsFromTimeout(form.timeout),
    stop_without_contact_s: secondsFromTimeout(form.silence),
    max_log_bytes: bytesFromLimit(form.logLimit),
    ...policiesFromForm(form.policies),
    enabled: form.enabled,
  }
}

/** API の上限(文字の数)。 */
export const MAX_SCRIPT = 1_048_576

interface UseJobForm {
  form: JobForm
  version: Ref<number | null>
  dirty: ComputedRef<boolean>
  hasCrlf: ComputedRef<boolean>
  /** 欄の検査(v-form)の外にある、台本・環境変数・時間の誤り。 */
  broken: ComputedRef<boolean>
  fill: (job: JobRead | null) => void
  saved: () => void
}

export function useJobForm(): UseJobForm {
  const form = reactive(formFromJob(null))
  const version = ref<number | null>(null)
  const shape = (): string => JSON.stringify(inputFromForm(form)) + form.timeout.amount + form.silence.amount + form.logLimit.amount
  const initial = ref(shape())

  function saved(): void {
    initial.value = shape()
  }

  function fill(job: JobRead | null): void {
    Object.assign(form, formFromJob(job))
    version.value = job?.version ?? null
    saved()
  }

  return {
    form,
    version,
    fill,
    saved,
    dirty: computed(() => shape() !== initial.value),
    hasCrlf: computed(() => form.script.includes('\r\n')),
    broken: computed(
      () =>
        form.script.length > MAX_SCRIPT ||
        timeoutProblem(form.timeout) !== null ||
        timeoutProblem(form.silence, MIN_SILENCE_S) !== null ||
        limitProblem(form.logLimit) !== null ||
        envProblems(form.env).some((problem) => problem !== null),
    ),
  }
}
