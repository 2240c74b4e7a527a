import type { CommandInput, ExecutionRead, ServerRefRead } from '@/api'

export interface CommandForm {
  projectId: number
  command: string
  selector: string
  serverIds: number[]
  /** 秒。空なら上限なし。 */
  timeout: string
  maxParallel: string
}

/** 打ち間違いの命令が、いつまでも残らないように、初めは五分で止める。 */
const FIRST_TIMEOUT = '300'

export function emptyForm(projectId: number): CommandForm {
  return { projectId, command: '', selector: '', serverIds: [], timeout: FIRST_TIMEOUT, maxParallel: '' }
}

const orNull = (text: string): number | null => (text.trim() === '' ? null : Number(text))

export function inputFromForm(form: CommandForm): CommandInput {
  const selector = form.selector.trim()
  return {
    project_id: form.projectId,
    command: form.command,
    selector: selector === '' ? null : selector,
    server_ids: form.serverIds,
    timeout_s: orNull(form.timeout),
    strategy: { max_parallel: orNull(form.maxParallel) },
  }
}

/** 前の命令を、同じサーバでもう一度使う。今はもう無いサーバは外れる。 */
export function formFromCommand(execution: ExecutionRead): { form: CommandForm; known: ServerRefRead[] } {
  const known = execution.targets.flatMap((target) =>
    target.server_id === null ? [] : [{ id: target.server_id, name: target.server_name }],
  )
  const { script, timeout_s, strategy } = execution.spec
  return {
    known,
    form: {
      projectId: execution.project_id,
      command: script,
      selector: '',
      serverIds: known.map((server) => server.id),
      timeout: timeout_s === null ? '' : String(timeout_s),
      maxParallel: strategy.max_parallel === null ? '' : String(strategy.max_parallel),
    },
  }
}
