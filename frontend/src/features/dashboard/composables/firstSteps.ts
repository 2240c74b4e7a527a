/** 最初の五歩。順に進める。 */
export const FIRST_STEPS = ['credential', 'server', 'hostKey', 'job', 'run'] as const
export type FirstStep = (typeof FIRST_STEPS)[number]

export interface Progress {
  credentialCount: number
  serverCount: number
  jobCount: number
  approvedServer: boolean
  hasRun: boolean
}

export interface StepState {
  step: FirstStep
  done: boolean
  /** 次にすること。一つだけ。 */
  current: boolean
}

/** 済んだ歩と次の一歩。順を飛ばして済ませた歩も、済みと数える。 */
export function firstSteps(progress: Progress): StepState[] {
  const done: Record<FirstStep, boolean> = {
    credential: progress.credentialCount > 0,
    server: progress.serverCount > 0,
    hostKey: progress.approvedServer,
    job: progress.jobCount > 0,
    run: progress.hasRun,
  }
  const next = FIRST_STEPS.find((step) => !done[step])
  return FIRST_STEPS.map((step) => ({ step, done: done[step], current: step === next }))
}
