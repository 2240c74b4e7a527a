# 黙っている走りの今を尋ねる。走っていれば running、ほかは report と同じ。
if locate; then :; else
  say lost why=nodir
  exit 0
fi
read_boot_id
if finished; then
  report
elif claimed && runner_alive; then
  say running size="$(wc -c <"$base.out")"
else
  report
fi
