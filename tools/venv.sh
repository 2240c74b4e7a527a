#!/bin/sh
# .venv を作り、固定した版だけを入れる。使い方: tools/venv.sh run|dev
# run は動かすのに要る物(と画面の組み立て)だけ、dev は検査と試験の物まで。
set -eu
cd "$(dirname "$0")/.."
kind=$1

fail() { echo "tsubame: $*" >&2; exit 1; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if command -v "$name" >/dev/null 2>&1 && new_enough "$name"; then command -v "$name"; return; fi
  done
  found=$(python3 --version 2>&1 || echo 'no python3')
  fail "Python 3.11 or newer is needed, but this machine has ${found}: install one and say make PYTHON=/path/to/python3."
}

# Debian と Ubuntu の python3 には、仮想環境を作る部分が別の包みになっている
need_venv() {
  "$1" -c 'import ensurepip, venv' 2>/dev/null && return
  package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "tsubame: installing $package"
    apt-get -o DPkg::Lock::Timeout=600 update -qq
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends "$package" >/dev/null
  else
    fail "the package $package is missing: run sudo apt-get install $package, then make again."
  fi
}

# 途中で止まって pip のない .venv も作り直す
if ! new_enough .venv/bin/python || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  python=$(find_python)
  need_venv "$python"
  echo "tsubame: making .venv with $("$python" --version)"
  "$python" -m venv --clear .venv
fi

case $kind in
  run) set -- -r backend/constraints-runtime.txt -r backend/constraints-build.txt ;;
  dev) set -- -r backend/constraints.txt ;;
  *) fail "usage: tools/venv.sh run|dev" ;;
esac
echo "tsubame: installing Python packages ($kind)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes "$@"
# 自分自身は写さずに指すだけ。git pull がそのまま効く
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e backend
