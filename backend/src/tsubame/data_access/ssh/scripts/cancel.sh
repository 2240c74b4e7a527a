# 木を丸ごと止める。引数: TERM のあと待つ長さ(0.1 秒が一つ)
grace=$1
runner=none mark=none
if locate_or_create; then
  read_boot_id
  if finished; then
    say cancelled ended=1 left=
    exit 0
  fi
  # 先に印を置き、あとで名乗りを見る。走り手は逆の順に見るので、どちらかが必ず気づく。
  true >"$base.can"
  if claimed; then mark_of "$runner" "$runner_start"; else runner=none; fi
fi

spared=$runner
hunt_down
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
    rm -f "$base".*.s*
    true >>"$base.out"
    printf "137 %s - - .\n" "$(wc -c <"$base.out")" >>"$base.fin"
  fi
  finished && ended=1
elif [ "$alive" ]; then :; else
  ended=1
fi
strike 0
say cancelled ended=$ended left="$alive"
