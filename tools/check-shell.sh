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
# サーバへ送る台本は断片なので、つなげた姿を tests/integration/ssh/test_shell_code.py が shellcheck にかける
fragments=backend/src/tsubame/data_access/ssh/scripts/
# shellcheck disable=SC2046,SC2086  # 名前に空白のあるファイルは置かない
.venv/bin/shellcheck $(printf '%s\n' $files | grep -v "^$fragments")
