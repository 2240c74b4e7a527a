// 何万行を比べても画面が止まらないよう、別のスレッドで動く
import { diffLines } from './lineDiff'

interface Scope {
  onmessage: (event: MessageEvent<{ majority: string; other: string }>) => void
  postMessage: (result: ReturnType<typeof diffLines>) => void
}

const scope = globalThis as unknown as Scope
scope.onmessage = ({ data }) => scope.postMessage(diffLines(data.majority, data.other))
