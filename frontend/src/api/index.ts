// 画面が見てよい API の全部。型と、失敗の種類だけ
export type * from './generated/types.gen'
export { ApiProblem, asProblem } from './problem'
