const pad = (value: number): string => String(value).padStart(2, '0')

/** ISO 8601 から `<input type="datetime-local">` の値(見ている人の時刻)へ。 */
export function toLocalInput(iso: string | null): string {
  if (iso === null || iso === '') return ''
  const at = new Date(iso)
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`
  return `${day}T${pad(at.getHours())}:${pad(at.getMinutes())}`
}

/** 入力の途中や空は `''`。 */
export function fromLocalInput(text: string): string {
  const at = new Date(text)
  return text === '' || Number.isNaN(at.getTime()) ? '' : at.toISOString()
}
