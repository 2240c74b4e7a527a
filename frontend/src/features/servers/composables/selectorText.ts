/** 札を式に足す。空なら札だけ、あれば `and` でつなぐ。 */
export function addTag(expression: string, tag: string): string {
  const written = expression.trim()
  if (written === '') return tag
  return /(^|[\s(])(and|or|not)$/i.test(written) || written.endsWith('(') ? `${written} ${tag}` : `${written} and ${tag}`
}

export interface Marked {
  before: string
  wrong: string
  after: string
}

/** 読めなかった場所(`position` は 1 から)を、式の前・そこ・後ろに分ける。終わりなら、そこは空。 */
export function markAt(expression: string, position: number, token: string): Marked {
  const characters = [...expression]
  const start = Math.max(0, position - 1)
  const end = start + [...token].length
  return {
    before: characters.slice(0, start).join(''),
    wrong: characters.slice(start, end).join(''),
    after: characters.slice(end).join(''),
  }
}
