# 終わった走りの記録を消す。走っているものは消さない(消すと、二度目の始まりを止めるものがなくなる)。
if locate; then :; else
  say gone
  exit 0
fi
read_boot_id
if finished; then :; elif claimed && runner_alive; then
  die why=running
fi
rm -f "$base".*
say gone
