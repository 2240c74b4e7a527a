# 木を狩る部品。中止(cancel.sh)と、走り手の見張り(guard.sh)が使う。
# 要るもの: run_id、runner(走り手の番号か none)、mark(走りの印か none)、spared、grace(TERM のあと待つ長さ。0.1 秒が一つ)

# 印(mark.sh)か印の変数を持つもの、走り手と同じセッションのもの、その子孫を victims に集める。
# fork しながら逃げるものがあるので、呼ぶたびに数え直す。
hunt() {
  # 名前の続きの文字を許さない。run-1 を止めるつもりで run-10 を止めないため。
  # shellcheck disable=SC2046  # 道の並びに割るために引用符を付けない
  set -- $(grep -lsaE "TSUBAME_RUN_ID=$run_id([^0-9a-z-]|$)|^Max file locks +$mark " /proc/[0-9]*/environ /proc/[0-9]*/limits)
  victims=
  for found in "$@"; do
    found=${found#/proc/}
    victims="$victims ${found%/*}"
  done
  parents=
  for entry in /proc/[0-9]*; do
    stat_line=
    read -r stat_line <"$entry/stat" || continue
    # shellcheck disable=SC2086  # 欄に割るために引用符を付けない
    relate "${entry#/proc/}" ${stat_line##*) }
  done
  grown=1
  while [ "$grown" ]; do
    grown=
    for pair in $parents; do
      case "$victims " in
        *" ${pair%:*} "*) ;;
        *" ${pair#*:} "*) victims="$victims ${pair%:*}" grown=1 ;;
      esac
    done
  done
} 2>/dev/null

# 番号、状態、親、組、セッション。
relate() {
  parents="$parents $1:$3"
  [ "$5" = "$runner" ] && victims="$victims $1"
}

# 生き残りを alive に数え、いれば全員にシグナル $1 を送る。いなければ偽。
# spared の並び(走り手と見張り)は数えない。終わりを書かせるため。
strike() {
  hunt
  alive=
  for victim in $victims; do
    case " $spared$alive " in *" $victim "*) continue ;; esac
    process "$victim" && alive="$alive $victim"
  done
  [ "$alive" ] || return 1
  # shellcheck disable=SC2086  # 番号の並び
  kill -s "$1" $alive 2>/dev/null
  return 0
}

# 木を丸ごと止める。
hunt_down() {
  strike TERM
  while [ "$grace" -gt 0 ] && strike 0; do
    sleep .1 || sleep 1
    grace=$((grace - 1))
  done
  # 増え続けるものは、数が変わらなくなるまで止めてから殺す。
  tries=50 before=x
  while [ "$before" != "$alive" ] && [ $tries -gt 0 ]; do
    before=$alive tries=$((tries - 1))
    strike STOP
  done
  tries=50
  while [ $tries -gt 0 ] && strike KILL; do
    sleep .02 || sleep 1
    tries=$((tries - 1))
  done
}
