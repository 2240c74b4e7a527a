// signal(7) の、よく見る番号。x86-64 と arm64 で同じもの
const NAMES: Record<number, string> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
  24: 'SIGXCPU',
  25: 'SIGXFSZ',
}

/** 終了コード(128 + 番号)から「SIGKILL (9)」。シグナルでなければ空。 */
export function signalFromExitCode(exitCode: number | null): string {
  if (exitCode === null || exitCode <= 128) return ''
  const number = exitCode - 128
  const name = NAMES[number]
  return name === undefined ? String(number) : `${name} (${number})`
}
