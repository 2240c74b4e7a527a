# 見張り。時間の上限と、連絡が途絶えたときの決まりを、つながりがなくてもサーバの上で守る。
# 走り手の子として眠り、時が来たら木を止める。どちらの決まりもない走りには付かない。
# 引数の続き: 感嘆符、時間の上限(秒か -)、連絡なしで続ける長さ(秒か -)、TERM のあと待つ長さ(0.1 秒が一つ)
bang=$6 timeout=$7 contact=$8 grace=$9
runner=$$ spared=$$ suspect=

# 見張りは止めたわけを終了コードで言う: 81 = 時間切れ、82 = 連絡の途絶。ほかは、止めていない。
guard() {
  # 呼ぶ側で向け替えると、dash は元の管を控えに持ち続け、追い手が「終わった」に気づけない。
  exec >/dev/null
  read -r self rest </proc/self/stat
  spared="$runner $self" over=
  # 眠りは KILL で起こす。exec の前の子に届いたほかのシグナルは、親から継いだ受け流しに消える。
  trap "over=1; kill -s KILL \$sleeper" ALRM
  # スクリプトの kill 0 に巻き込まれても消えず、眠り直す。
  trap "woken=1; kill -s KILL \$sleeper" HUP INT QUIT TERM
  heard=${began%.*}
  while :; do
    woken=
    sleeper=
    # 中止が始まった。あとは任せる。
    [ -e "$base.can" ] && return 0
    # もう終わっていた。生まれた直後に届いたシグナルは失われうるので、印でも知る。
    [ -e "$script.d" ] && return 0
    read -r now rest </proc/uptime
    now=${now%.*}
    # 連絡の印は、見たら消す。時計も時刻も比べずに「前に見てから来たか」が分かる。
    if [ -e "$base.con" ]; then
      heard=$now
      rm -f "$base.con"
    fi
    nap=
    if [ "$timeout" != - ]; then
      # 小数を落として比べるので、早すぎないよう 1 秒足す。
      nap=$((${began%.*} + timeout + 1 - now))
      [ $nap -gt 0 ] || { strike_down 81; return; }
    fi
    if [ "$contact" != - ]; then
      [ $((heard + contact + 1 - now)) -gt 0 ] || { strike_down 82; return; }
      look=$((contact / 4 + 1))
      [ "${nap:-$look}" -lt $look ] || nap=$look
    fi
    sleep "$nap" &
    eval "sleeper=\$$bang"
    # 番号を覚える前に届いたシグナルは、まだ誰も起こしていない。
    [ "$over$woken" ] && kill -s KILL "$sleeper"
    wait "$sleeper"
    [ "$over" ] && return 0
  done
}

# ここからは退かない。走り手に「終わりを書くのを待て」と言ってから、木を止める。
strike_down() {
  trap "" HUP INT QUIT TERM ALRM
  kill -s ALRM "$runner"
  hunt_down
  return "$1"
}

# スクリプトが終わった。見張りを退かせ、見張りが止めたのなら、わけと生き残りを note に入れる。
dismiss_guard() {
  true >"$script.d"
  kill -s ALRM "$guard"
  # ALRM はスクリプトも送れるので、見張りの終了コードで確かめる。
  [ "$suspect" ] || return
  # 受け流すシグナルが来ると、wait は途中で戻る。
  while :; do
    wait "$guard"
    verdict=$?
    if [ $verdict -gt 128 ] && [ -d "/proc/$guard" ]; then :; else break; fi
  done
  case $verdict in
    81) note=timed_out ;;
    82) note=contact_lost ;;
    *) return ;;
  esac
  strike 0
  for victim in $alive; do note=$note,$victim; done
}

trap "suspect=1" ALRM
guard &
eval "guard=\$$bang"
