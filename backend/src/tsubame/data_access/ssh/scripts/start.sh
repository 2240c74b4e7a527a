# 始める。同じ名前で何度呼んでも、走るのは一度だけ。
# 引数: 走り手の符号、送る全長、そのうち前置きの長さ、follower、offset
runner_code=$1 total=$2 prelude=$3 follower=$4 offset=$5
# スクリプトには、ログインしたときのままの umask を渡す。
mask=$(umask)
locate_or_create || die why=nodir
read_boot_id
# 終わりの記録だけがあるのは、始まる前に中止された走り。
if claimed || finished; then
  follow_other
  exit 0
fi
upload=$base.$nonce.u
# 数が合うまで走らせない。途中で切れた送信で、半分のスクリプトを実行しないため。
if received=$(LC_ALL=C dd bs=65536 2>&1 >"$upload"); then :; else
  rm -f "$upload"
  die why=write
fi
received=${received##*records out?}
if [ "${received%% *}" != "$total" ] && [ "$(wc -c <"$upload")" -ne "$total" ]; then
  rm -f "$upload"
  die why=short
fi
true >>"$base.out" || die why=write
for detach in setsid "busybox setsid" ""; do
  command -v "${detach%% *}" >/dev/null 2>&1 && break
done
# & で背後へ回すと、POSIX のシェルは SIGINT と SIGQUIT を無視にして渡し、スクリプトにまで残る。
# 管の左に置けば、どちらも初めのままで渡せる。
# shellcheck disable=SC2086  # detach は二語か空になりうる
$detach /bin/sh -c "$runner_code" tsubame-run "$base" "$run_id" "$nonce" "$prelude" "$mask" </dev/null 2>/dev/null | follow_own
