/** 表の一列。中身は `cell-<key>` の slot で書く。 */
export interface Column {
  key: string
  title: string
  align?: 'start' | 'end' | 'center'
  width?: string
}
