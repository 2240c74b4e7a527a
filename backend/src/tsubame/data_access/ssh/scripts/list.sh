# このサーバに残っている走りを全部言う。置き場所の設定は変わりうるので、候補のどこにあっても見る。
read_boot_id
clock=$(date +%s)

# 走り $base の大きさ(バイト)と、最後に書かれてからの秒を size と age に入れる。
# stat のないサーバでは、ログの大きさだけが分かる。
measure() {
  # shellcheck disable=SC2046  # 数の並びに割るために引用符を付けない
  set -- $(stat -c "%s %Y" "$base".*)
  size=0 changed=0
  [ $# -gt 0 ] || size=$(wc -c <"$base.out")
  while [ $# -ge 2 ]; do
    size=$((size + $1))
    [ "$2" -gt "$changed" ] && changed=$2
    shift 2
  done
  age=
  [ "$changed" = 0 ] || age=$((clock - changed))
} 2>/dev/null

look_at() {
  if finished; then
    state=ended
  elif claimed; then
    state=ended
    runner_alive && state=running
  else
    state=unstarted
  fi
  measure
  say run state=$state size="${size:-0}" age="$age" id="${base##*/}"
}

# each_directory に次の候補へ進ませるため、いつも偽。
list_directory() {
  [ -O "$directory" ] || return 1
  # 読めなければ 0 と 0。大きさ 0 の場所はないので、分からないと見分けられる
  # shellcheck disable=SC2046  # 二つの数に割るために引用符を付けない
  set -- $(df -Pk "$directory" 2>/dev/null | { read -r title; read -r device blocks used available rest; echo "$blocks $available"; })
  say directory total_kb="${1:-0}" free_kb="${2:-0}" d="$directory"
  for file in "$directory"/*.fin; do
    base=${file%.fin}
    [ -O "$file" ] && look_at
  done
  return 1
}

each_directory list_directory
say listed
