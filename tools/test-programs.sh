#!/bin/sh
# 試験の相手になる本物のプログラムをそろえる。root なら apt で入れ、そうでなければ足りない物を言う。
set -eu

# 「コマンド 包み」。どのシェルの利用者のサーバでも動くことを、本物のシェルで確かめるため
wanted="
sshd openssh-server
ssh openssh-client
chromium chromium
busybox busybox
dash dash
fish fish
tcsh tcsh
zsh zsh
dropbear dropbear-bin
sudo sudo
setpriv util-linux
"
PATH="$PATH:/usr/sbin:/sbin"

missing=$(echo "$wanted" | while read -r program package; do
  [ -z "$program" ] || command -v "$program" >/dev/null 2>&1 || echo "$package"
done)
# 日本語の字形がないと、画面の試験で字がすべて四角になる
fc-list :lang=ja 2>/dev/null | grep -q . || missing="$missing fonts-noto-cjk"
missing=$(echo "$missing" | xargs)
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "tsubame: the tests need these packages: $missing" >&2
  echo "tsubame: run  sudo apt-get install $missing  and then make test again." >&2
  exit 1
fi
echo "tsubame: installing $missing"
apt-get -o DPkg::Lock::Timeout=600 update -qq
# shellcheck disable=SC2086  # 包みの名前を並べて渡す
DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends \
  fontconfig $missing >/dev/null
