# shellcheck shell=sh
# 外した規則: 2154 は、前半(runner.sh)が入れた変数を使うから。2034 は、見張りが process の生死しか見ないから。
# shellcheck disable=SC2034,SC2154
#
# 走り手の後半の頭。後半は、名乗りを済ませた前半が eval する。

# 前置きから呼ばれる。印を付けてから、場所へ入る。「~」は、利用者の環境変数を当てる前の家で解く。
enter() {
  wear_mark
  # shellcheck disable=SC2088  # 展開されない「~」という字そのものと比べる
  case $1 in
    "") cd "$HOME" 2>/dev/null || cd / ;;
    "~") cd "$HOME" ;;
    "~/"*) cd "$HOME/${1#??}" ;;
    *) cd "$1" ;;
  esac && return
  echo working_directory >"$script.x"
  exit 125
}
