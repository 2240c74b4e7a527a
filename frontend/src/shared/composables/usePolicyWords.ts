import { useI18n } from 'vue-i18n'

import type { QueueingRead, RetryRead, StrategyRead } from '@/api'
import { formatDuration } from '@/shared/lib/duration'

interface PolicyWords {
  strategy: (strategy: StrategyRead) => string
  retry: (retry: RetryRead) => string
  concurrency: (queueing: QueueingRead) => string
}

/** 動かし方の決まりを、人の言葉の一行に。 */
export function usePolicyWords(): PolicyWords {
  const { t, n, locale } = useI18n()
  const joined = (parts: string[]): string => parts.filter((part) => part !== '').join(t('policies.separator'))

  function strategy(given: StrategyRead): string {
    // 「100%」で終わる並びには、残りがない
    const steps = given.waves.at(-1) === '100%' ? given.waves : [...given.waves, t('policies.rest')]
    const waves = given.waves.length === 0 ? t('policies.allAtOnce') : steps.join(' → ')
    return joined([
      waves,
      given.max_parallel === null ? '' : t('policies.maxParallel', { count: n(given.max_parallel) }),
      given.pause_between_waves && given.waves.length > 0 ? t('policies.pauseBetween') : '',
      given.max_failures === null ? '' : t(`policies.onFailures.${given.on_failures}`, { max: given.max_failures }),
    ])
  }

  function retry(given: RetryRead): string {
    if (given.max_attempts <= 1) return t('policies.noRetry')
    const reasons = given.on.map((reason) => t(`policies.retryOn.${reason}`))
    if (given.exit_codes.length > 0) reasons.push(t('policies.retryOn.exitCodes', { codes: given.exit_codes.join(', ') }))
    return joined([
      t('policies.attempts', { count: n(given.max_attempts) }),
      t('policies.delay', { time: formatDuration(given.delay_s * 1000, locale.value) }),
      reasons.join(t('policies.or')),
    ])
  }

  function concurrency(given: QueueingRead): string {
    const limit = given.concurrency_limit
    const part = limit === null ? t('policies.anyNumber') : t(`policies.whenFull.${given.when_full}`, { count: n(limit) })
    return joined([part, given.priority === 0 ? '' : t('policies.priority', { priority: given.priority })])
  }

  return { strategy, retry, concurrency }
}
