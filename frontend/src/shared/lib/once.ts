/** 一度しか見せられない値(招待のリンク、一度きりのパスワード)と、その説明。 */
export interface Once {
  title: string
  text: string
  label: string
  value: string
}
