# 木を丸ごと止める。引数: TERM のあと待つ長さ(0.1 秒が一つ)
grace=$1
runner=none
if locate_or_create; then
  read_boot_id
  if finished; then
    say cancelled ended=1 left=
    exit 0
  fi
  # 先に印を置き、あとで名乗りを見る。走り手は逆の順に見るので、どちらかが必ず気づく。
  true >"$base.can"
  claimed || runner=none
fi

# 印の変数を持つもの、走り手と同じセッションのもの、その子孫を victims に集める。走り手は入れない
# (終わりを書かせるため)。fork しながら逃げるものがあるので、呼ぶたびに数え直す。
hunt() {
  # 名前の続きの文字を許さない。run-1 を止めるつもりで run-10 を止めないため。
  # shellcheck disable=SC2046  # 道の並びに割るために引用符を付けない
  set -- $(grep -lsaE "TSUBAME_RUN_ID=$run_id([^0-9a-z-]|$)" /proc/[0-9]*/environ)
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

# 生き残りを数え、いれば全員にシグナル $1 を送る。いなければ偽。
strike() {
  hunt
  alive=
  for victim in $victims; do
    [ "$victim" = "$runner" ] && continue
    case "$alive " in *" $victim "*) continue ;; esac
    process "$victim" && alive="$alive $victim"
  done
  [ "$alive" ] || return 1
  # shellcheck disable=SC2086  # 番号の並び
  kill -s "$1" $alive 2>/dev/null
  return 0
}

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
ended=0
if [ "$base" ]; then
  # 走り手が終わりを書くのを待つ。走り手もいなければ、代わりに書く。
  tries=50
  until finished; do
    if [ "$runner" = none ]; then break; fi
    runner_alive || break
    tries=$((tries - 1))
    [ $tries -gt 0 ] || break
    sleep .02 || sleep 1
  done
  if finished; then :; else
    [ "$runner" != none ] && runner_alive && kill -s KILL "$runner"
    true >>"$base.out"
    printf "137 %s - - .\n" "$(wc -c <"$base.out")" >>"$base.fin"
  fi
  finished && ended=1
elif [ "$alive" ]; then :; else
  ended=1
fi
strike 0
say cancelled ended=$ended left="$alive"
