# shellcheck shell=sh
# 外した規則: 2034・2154 は、部品の変数を使うか入れるかが操作しだいだから(bang は呼び出しが入れる)。
# 3067(test -O)は POSIX にないが、dash・bash・busybox ash のどれにもある。
# shellcheck disable=SC2034,SC2154,SC3067
#
# どの操作の頭にも付く部品。
#
# 書き方の約束(shell_code.py が検査する): 一重引用符、逆斜線二つ、!(!= を除く)を使わない。
# 注釈は行全体に書き、引用符は行の中で閉じる。どのログインシェルの一重引用符にも入れて送るため。
# 呼び出しは bang=$1; eval "$2" で、$1 は感嘆符そのもの(tcsh が履歴として読むので、直には書けない)。
run_id=$3 nonce=$4 configured=$5
shift 5
base=
account=${LOGNAME:-$(id -un)}

# 制御の行は必ず行頭から始める。ログインシェルの雑音が改行なしで終わっていても読めるように。
say() { printf "\ntsubame1 %s %s\n" "$nonce" "$*" >&2; }

# 失敗を言って終わる。
die() {
  say fail "$@"
  exit 80
}

# 起動ごとに変わる番号。再起動をまたいだ同じプロセス番号を、同じものと見誤らないため。
read_boot_id() {
  boot_id=none
  read -r boot_id </proc/sys/kernel/random/boot_id
} 2>/dev/null

# 終わりの記録を読む。最後の点まで書かれたものだけが本物(途中で電源が落ちたものを信じない)。
finished() {
  end=
  {
    read -r padding
    read -r exit_code log_size uptimes note end
  } <"$base.fin"
  [ "$end" = . ]
} 2>/dev/null

# 走り手の名乗りを読む。
claimed() {
  end=
  read -r version runner runner_start runner_boot end <"$base.run"
  [ "$end" = . ]
} 2>/dev/null

runner_alive() { [ "$runner_boot" = "$boot_id" ] && process "$runner" && [ "$process_start" = "$runner_start" ]; }

# 置き場所の候補を順に directory へ入れて、$@ が成り立つ最初のもので止まる。
each_directory() {
  for directory in "$configured" "${HOME:-/-}/.local/state/tsubame" "/var/tmp/tsubame-$account" "/tmp/tsubame-$account" "/dev/shm/tsubame-$account"; do
    case $directory in /*) "$@" && return ;; esac
  done
  return 1
}

# この走りの記録がある場所。別の利用者が先回りして置いたものは信じない。
holds_run() { [ -O "$directory/$run_id.fin" ]; }

locate() {
  each_directory holds_run || return 1
  base=$directory/$run_id
}
