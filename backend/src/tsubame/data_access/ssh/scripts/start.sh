# 始める。同じ名前で何度呼んでも、走るのは一度だけ。
# 引数: 走り手の符号、スクリプトの長さ、見張りの決まり(三語か空)、follower、offset
runner_code=$1 script_size=$2 limits=$3 follower=$4 offset=$5
# スクリプトには、ログインしたときのままの umask を渡す。
mask=$(umask)
locate_or_create || die why=nodir
read_boot_id
# 終わりの記録だけがあるのは、始まる前に中止された走り。
if claimed || finished; then
  follow_other
  exit 0
fi
true >>"$base.out" || die why=write
for detach in setsid "busybox setsid" ""; do
  command -v "${detach%% *}" >/dev/null 2>&1 && break
done
# & で背後へ回すと、POSIX のシェルは SIGINT と SIGQUIT を無視にして渡し、スクリプトにまで残る。
# 管の左に置けば、どちらも初めのままで渡せる。標準入力(送られてくる中身)は走り手が読む。
# shellcheck disable=SC2086  # detach は二語か空に、limits は三語か空になりうる
$detach /bin/sh -c "$runner_code" tsubame-run "$base" "$run_id" "$nonce" "$script_size" "$mask" "$bang" $limits 2>/dev/null | follow_own
