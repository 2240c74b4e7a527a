/** 読み終わるまで、手元の場所を空けておく長さ。保存先を尋ねるブラウザでは、人が選ぶのを待つ。 */
const KEEP_MS = 10 * 60 * 1000

/**
 * 返事の本文を、ファイルとして保存させる。
 *
 * 何百 MB あっても記憶に溜めないよう、ブラウザの中の置き場(OPFS)に書きながら受け取る。置き場を使わせない所
 * (https でない、古いブラウザ)では、ブラウザの Blob に任せる。
 */
export async function saveStream(name: string, answer: Response): Promise<void> {
  const directory = await openDirectory()
  if (directory === null || answer.body === null) {
    offer(name, await answer.blob())
    return
  }
  const stored = `${crypto.randomUUID()}.part`
  // 監査記録の写しを、ブラウザの奥に残さない
  const remove = (): Promise<void> => directory.removeEntry(stored).catch(() => undefined)
  try {
    const file = await directory.getFileHandle(stored, { create: true })
    await answer.body.pipeTo(await file.createWritable())
    offer(name, await file.getFile(), remove)
  } catch (error) {
    await remove()
    throw error
  }
}

async function openDirectory(): Promise<FileSystemDirectoryHandle | null> {
  if (!('createWritable' in (globalThis.FileSystemFileHandle?.prototype ?? {}))) return null
  return navigator.storage.getDirectory().catch(() => null)
}

function offer(name: string, content: Blob, done?: () => Promise<void>): void {
  const url = URL.createObjectURL(content)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => {
    URL.revokeObjectURL(url)
    void done?.()
  }, KEEP_MS)
}
