# 番号 $1 のプロセスが生きていれば、その開始時刻を process_start に入れる。
# 名前に空白や括弧を含められるので、最後の ") " より後ろだけを読む。
process() {
  stat_line=
  read -r stat_line <"/proc/$1/stat" || return 1
  # shellcheck disable=SC2086  # 欄に割るために引用符を付けない
  process_fields ${stat_line##*) }
} 2>/dev/null

process_fields() {
  process_start=${20}
  case $1 in Z | X) return 1 ;; esac
}
