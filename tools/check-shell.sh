#!/bin/sh
# *.sh を、この機械にあるすべてのシェルで構文検査し、shellcheck にかける。
# サーバで動く小さな台本は、dash でも busybox でも動かなければならない。
set -eu
cd "$(dirname "$0")/.."
files=$(git ls-files --cached --others --exclude-standard '*.sh' .ci/run)
for shell in dash bash 'busybox ash'; do
  command -v "${shell%% *}" >/dev/null 2>&1 || continue
  for file in $files; do
    # bash で書いた物は bash だけで見る
    case $(head -n 1 "$file") in *bash*) [ "$shell" = bash ] || continue ;; esac
    $shell -n "$file"
  done
done
# サーバへ送る台本は断片で、つなげて 1 つにしてから動かす。変数はよその断片で使われる
fragments=backend/src/tsubame/data_access/ssh/scripts/
# shellcheck disable=SC2046,SC2086  # 名前に空白のあるファイルは置かない
.venv/bin/shellcheck $(printf '%s\n' $files | grep -v "^$fragments")
# shellcheck disable=SC2046,SC2086
.venv/bin/shellcheck --exclude=SC2034,SC2154 $(printf '%s\n' $files | grep "^$fragments")
