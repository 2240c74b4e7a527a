#!/bin/sh
# つばめ CI へようこそ。色、進み具合、二つの出力の並び順を見る見本。
# Welcome to tsubame-ci: colours, progress, and both output streams in order.
printf '\033[1;32mHello / こんにちは\033[0m from \033[36m%s\033[0m\n' "$(uname -n)"
printf 'user %s, %s\n' "$(id -un)" "$(uname -sr)"
step=1
while [ "$step" -le 20 ]; do
  printf '\r\033[33m%3d%%\033[0m ' "$((step * 5))"
  bar=0
  while [ "$bar" -lt "$step" ]; do
    printf '█'
    bar=$((bar + 1))
  done
  sleep 0.15
  step=$((step + 1))
done
printf '\n'
printf '\033[34mstdout\033[0m: one line\n'
printf '\033[35mstderr\033[0m: another line, in the order it was written\n' >&2
for word in build test deploy; do
  printf '\033[1m%s\033[0m ... ' "$word"
  sleep 0.4
  printf '\033[32mok\033[0m\n'
done
