# ログを offset から流し、終わりを言うまでの部品。start と attach が使う。
# 引数: base, run_id, offset(受け取り済み), follower(a=調べる g=GNU tail l=自前の輪)

# 走りの今を一行で言う。
report() {
  if finished; then
    asked=
    [ -e "$base.can" ] && asked=cancelled
    say exit rc="$exit_code" size="$log_size" up="$uptimes" note="$note" $asked
    return
  fi
  if claimed; then :; else
    say lost why=neverstarted
    return
  fi
  why=killed
  [ "$runner_boot" = "$boot_id" ] || why=reboot
  # 死にゆく走り手は、管を閉じたあとも少しのあいだ「いる」ように見える。
  tries=0
  while runner_alive; do
    finished && break
    tries=$((tries + 1))
    if [ $tries -ge 20 ]; then
      say again
      return
    fi
    sleep .05 || sleep 1
  done
  # 見ているあいだに終わったのかもしれない。走り手は記録を書いてから消える。
  if finished; then
    report
    return
  fi
  # 走り手が消せなかった秘密を、代わりに消す。
  rm -f "$base".*.s*
  say lost why=$why
}

# tail が GNU のものか。--pid を知るのは GNU だけ。
choose_follower() {
  [ "$follower" = a ] || return 0
  follower=l
  tail --pid=$$ -s.1 -n0 /dev/null >/dev/null 2>&1 && follower=g
}

# 前の追い手を終わらせる。二人が同じログを送り続けると、古いほうが切れたことに気づけない。
# 番号は使い回されるので、命令の列にこの走りの名前があるものだけを止める。
end_other_followers() {
  others=
  read -r others <"$base.fol"
  for other in $others; do
    [ "$other" != $$ ] && grep -q "$run_id" "/proc/$other/cmdline" && kill "$other"
  done
} 2>/dev/null

greet() { say hello off="$offset" fol="$follower" d="$directory"; }

# ここから先の標準出力は、ログのバイトだけ。
open_stream() { printf "tsubame1 %s\n" "$nonce"; }

# offset から先を、プロセス $1 がいるあいだ流す。
stream() {
  tail -c +$((offset + 1)) -f -s .02 --pid="$1" "$base.out" 2>/dev/null &
  eval "tail_pid=\$$bang"
}

# 3 番を offset の位置で開く。
open_log() {
  [ -r "$base.out" ] || die why=noout
  exec 3<"$base.out"
  [ "$offset" = 0 ] || dd bs=1 skip="$offset" count=0 <&3 >/dev/null 2>&1
}

# GNU tail がないとき。終わったかを先に見てから読むので、最後の一行を落とさない。
loop() {
  open_log
  pause=.01 seen=-1 round=0 unclaimed=0 ended=0
  while [ $ended = 0 ]; do
    round=$((round + 1))
    if finished; then
      ended=1
    elif [ $round -ge 10 ]; then
      round=0
      # つながりが切れて sshd がいなくなったら、ここも静かに去る。
      process $PPID || exit 0
      if claimed; then
        runner_alive || ended=1
      else
        unclaimed=$((unclaimed + 1))
        [ $unclaimed -lt 5 ] || ended=1
      fi
    fi
    cat <&3 || exit 0
    [ $ended = 0 ] || break
    read -r label position </proc/self/fdinfo/3
    # 黙っているあいだは間をあけ、進んだらすぐ詰める。
    case $position/$pause in
      "$seen"/.01) pause=.02 ;;
      "$seen"/.02) pause=.05 ;;
      "$seen"/.05) pause=.1 ;;
      "$seen"/*) pause=.2 ;;
      *) pause=.01 seen=$position ;;
    esac
    sleep $pause || sleep 1
  done
  report
}

# 始めた本人が追う。標準入力は走り手につながる管で、番号、名乗り、消えたこと(EOF)の順に届く。
# 走り手の生死を番号だけで調べない: init が遅いと、死んだあとも 1 秒以上「いる」ように見えるため。
follow_own() {
  read -r runner || die why=start
  choose_follower
  open_stream
  # 走り手が送られてくる中身を読むあいだに、流す支度を済ませる。
  [ "$follower" = l ] || stream "$runner"
  verdict=
  read -r verdict
  case $verdict in
    claimed) greet ;;
    "")
      # 同じ名前で始めたもう一人が先に名乗った。つなぎ直せば、その走りを追える。
      say again
      exit 0
      ;;
    *) die why="$verdict" ;;
  esac
  if [ "$follower" = l ]; then
    echo $$ >"$base.fol"
    loop
    return
  fi
  read -r self rest </proc/self/stat
  echo $$ "$self" "$tail_pid" >"$base.fol"
  read -r rest
  # 終わりは先に言う。残りのログは受け手が大きさで数える。
  report
  wait "$tail_pid"
}

# もう走っているものを追う。
follow_other() {
  tries=0
  until finished || claimed; do
    tries=$((tries + 1))
    if [ $tries -ge 20 ]; then
      report
      return
    fi
    sleep .1 || sleep 1
  done
  end_other_followers
  choose_follower
  greet
  open_stream
  if finished; then
    open_log
    # 終わったあとに背後の子が書き足した分は渡さない。
    [ "$log_size" -gt "$offset" ] && head -c $((log_size - offset)) <&3
    report
    return
  fi
  if runner_alive; then :; else
    # 走り手はもういない。書かれた分を渡し、わけを言う。
    open_log
    cat <&3
    report
    return
  fi
  if [ "$follower" = l ]; then
    echo $$ >"$base.fol"
    loop
    return
  fi
  # 終わりの記録(101 バイト目から)が書かれるか、走り手が消えたら、見張りが終わる。
  tail -c +101 -f -s .5 --pid="$runner" "$base.fin" 2>/dev/null | { read -r rest; } &
  eval "watcher=\$$bang"
  stream "$watcher"
  echo $$ "$watcher" "$tail_pid" >"$base.fol"
  wait "$watcher"
  report
  wait "$tail_pid"
}
