# shellcheck shell=sh
# 外した規則: 2034 は、run_id がこのプロセスの引数に要るから(追い手が命令の列で見分ける)。
# shellcheck disable=SC2034
#
# 走り手。スクリプトを最後まで見届け、終わりを一行書く。つながりとは別の世界(setsid)で生きる。
# ここは前半で、中身を受け取り、名乗る。後半は中身と一緒に届く。
# 標準出力は始めた者への管。番号と名乗りを書き、あとは閉じることで「終わった」を伝える。
base=$1 run_id=$2 nonce=$3 script_size=$4 mask=$5 guard=
# 無視(trap "")ではなく受け流す。無視は子に引き継がれ、スクリプトがシグナルで死ねなくなる。
trap : HUP TERM INT QUIT PIPE
echo $$
umask 077
script=$base.$nonce.s

# 始めずに去る。わけを始めた者に言う。
give_up() {
  echo "$1"
  exec rm -f "$script"
}

# 送られてくるのは、後半の符号一行、前置き一行、スクリプト(upload.py)。
# 後半を命令の行に載せないのは、9,000 バイトより長い命令を、dropbear がつながりごと断るため。
# 前置き(環境変数を含む)はディスクに置かない。
# 数が合うまで名乗らない。途中で切れた送信で、半分のスクリプトを走らせないため。
IFS= read -r second_half || give_up short
# shellcheck disable=SC2034  # 後半が使う
IFS= read -r prelude || give_up short
received=$(LC_ALL=C dd bs=65536 2>&1 >"$script") || give_up write
exec </dev/null
received=${received##*records out?}
[ "${received%% *}" = "$script_size" ] || [ "$(wc -c <"$script")" -eq "$script_size" ] || give_up short

boot_id=none
read -r boot_id </proc/sys/kernel/random/boot_id
read -r stat_line </proc/$$/stat
start_of() { process_start=${20}; }
# shellcheck disable=SC2086  # 欄に割るために引用符を付けない
start_of ${stat_line##*) }
mark_of $$ "$process_start"
# 時計は動かされるので、起動からの秒で測る。
read -r began rest </proc/uptime

# 終わりを書く: 終了コード、ログの大きさ、時刻、但し書き。
finish() {
  read -r ended rest </proc/uptime
  # 記録を消されていても、欄の数が狂わないように。
  size=$(wc -c <"$base.out")
  printf "%s %s %s-%s %s .\n" "$1" "${size:-0}" "$began" "$ended" "$2" >>"$base.fin"
}

# 名乗りは排他で作る。先にいたなら、静かに消える(二度走らせない)。
set -C
true >"$base.run" || exec rm -f "$script"
set +C
if printf "v1 %s %s %s .\n" $$ "$process_start" "$boot_id" >"$base.run"; then :; else
  finish 126 write
  give_up write
fi
# 場所を作った者が、満杯に気づいて片付けたあとだった。別の場所で始まるので、ここでは始めない。
if [ -s "$base.fin" ]; then :; else
  rm -f "$base.run"
  give_up write
fi
echo claimed
# 始まる前に中止された。
if [ -e "$base.can" ]; then
  finish 143 -
  exec rm -f "$script"
fi
eval "$second_half"
