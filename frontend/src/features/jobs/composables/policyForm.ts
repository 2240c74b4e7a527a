import type { OnFailures, QueueingRead, RetryOn, RetryRead, StrategyRead, WhenFull } from '@/api'

/** 入力の途中を持てるよう、数はどれも打ったままの文字で持つ。空は「決めない」。 */
export interface PolicyForm {
  maxParallel: string
  waves: string[]
  maxFailures: string
  onFailures: OnFailures
  pauseBetweenWaves: boolean
  maxAttempts: string
  delay: string
  factor: string
  maxDelay: string
  jitterPercent: string
  retryOn: RetryOn[]
  exitCodes: string
  priority: string
  concurrencyLimit: string
  whenFull: WhenFull
}

/** 断られたときに、この欄に文を出す API の項目名。 */
export const POLICY_FIELDS = [
  'strategy.max_parallel',
  'strategy.waves',
  'strategy.max_failures',
  'retry.max_attempts',
  'retry.delay_s',
  'retry.factor',
  'retry.max_delay_s',
  'retry.jitter',
  'retry.exit_codes',
  'queueing.priority',
  'queueing.concurrency_limit',
]

export interface Policies {
  strategy: StrategyRead
  retry: RetryRead
  queueing: QueueingRead
}

export const DEFAULT_POLICIES: Policies = {
  strategy: { max_parallel: null, waves: [], max_failures: null, on_failures: 'stop', pause_between_waves: false },
  retry: { max_attempts: 1, delay_s: 10, factor: 2, max_delay_s: 300, jitter: 0.2, on: ['connect'], exit_codes: [] },
  queueing: { priority: 0, concurrency_limit: null, when_full: 'queue' },
}

const text = (value: number | null): string => (value === null ? '' : String(value))
const orNull = (value: string): number | null => (value.trim() === '' ? null : Number(value))
const or = (value: string, fallback: number): number => orNull(value) ?? fallback

export function formFromPolicies({ strategy, retry, queueing }: Policies): PolicyForm {
  return {
    maxParallel: text(strategy.max_parallel),
    waves: [...strategy.waves],
    maxFailures: strategy.max_failures ?? '',
    onFailures: strategy.on_failures,
    pauseBetweenWaves: strategy.pause_between_waves,
    maxAttempts: text(retry.max_attempts),
    delay: text(retry.delay_s),
    factor: text(retry.factor),
    maxDelay: text(retry.max_delay_s),
    jitterPercent: text(Math.round(retry.jitter * 100)),
    retryOn: [...retry.on],
    exitCodes: retry.exit_codes.join(', '),
    priority: text(queueing.priority),
    concurrencyLimit: text(queueing.concurrency_limit),
    whenFull: queueing.when_full,
  }
}

/** `1, 75` を数の並びに。読めない語は NaN になる。 */
export function exitCodesOf(written: string): number[] {
  return written.split(/[\s,、]+/).filter((word) => word !== '').map(Number)
}

export function policiesFromForm(form: PolicyForm): Policies {
  const { strategy, retry, queueing } = DEFAULT_POLICIES
  return {
    strategy: {
      ...strategy,
      max_parallel: orNull(form.maxParallel),
      waves: form.waves.map((wave) => wave.trim()),
      max_failures: form.maxFailures.trim() === '' ? null : form.maxFailures.trim(),
      on_failures: form.onFailures,
      pause_between_waves: form.pauseBetweenWaves,
    },
    retry: {
      ...retry,
      max_attempts: or(form.maxAttempts, retry.max_attempts),
      delay_s: or(form.delay, retry.delay_s),
      factor: or(form.factor, retry.factor),
      max_delay_s: or(form.maxDelay, retry.max_delay_s),
      jitter: or(form.jitterPercent, retry.jitter * 100) / 100,
      on: [...form.retryOn],
      exit_codes: exitCodesOf(form.exitCodes),
    },
    queueing: {
      ...queueing,
      priority: or(form.priority, queueing.priority),
      concurrency_limit: orNull(form.concurrencyLimit),
      when_full: form.whenFull,
    },
  }
}

/** 台数(`3`)か割合(`10%`)か。 */
export function isShare(written: string, least: number): boolean {
  const matched = /^(\d{1,5})(%?)$/.exec(written.trim())
  if (matched === null) return false
  const amount = Number(matched[1])
  return amount >= least && (matched[2] !== '%' || amount <= 100)
}
