#!/bin/sh
# 直しながら動かす。Python を直すと本体が、画面を直すとブラウザが、ひとりでに新しくなる。
set -eu
cd "$(dirname "$0")/.."
export TSUBAME_PUBLIC_URL="${TSUBAME_PUBLIC_URL:-http://localhost:5173}"
.venv/bin/watchfiles --filter python '.venv/bin/tsubame up' backend/src &
api=$!
trap 'kill "$api" 2>/dev/null; wait "$api" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM
tools/npm.sh run dev
