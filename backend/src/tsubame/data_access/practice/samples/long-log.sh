#!/bin/sh
# 十万行を書く見本。途中で止めたり、つばめ CI を殺して起こし直したりしてみてほしい。
# Writes 100,000 lines. Try cancelling it, or kill tsubame-ci and start it again.
awk 'BEGIN {
  for (line = 1; line <= 100000; line++) {
    printf "\033[90m%06d\033[0m the quick brown fox jumps over the lazy dog すばやい茶色の狐\n", line
    if (line % 1000 == 0) { fflush(); system("sleep 0.1") }
  }
}'
printf '\033[1;32m100,000 lines written\033[0m\n'
