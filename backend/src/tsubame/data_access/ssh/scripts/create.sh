# 走りの置き場所を作る。始めるときと、始まる前に中止するときに使う。

# 100 バイトの詰め物が書けたことで「書ける場所だ」と分かり、満杯になったときの記録の場所も取れる。
# 排他で作るので、同時に来た二人のうち一人だけが作る。
make_run() {
  if [ -d "$directory" ]; then
    # 他人が張った記号リンクの先へは書かない。
    [ -h "$directory" ] && return 1
  else
    # 家がない利用者の家を、root の権限で作ってしまわないため。
    case $directory in "${HOME:-/-}"/*) [ -d "$HOME" ] || return 1 ;; esac
    # shellcheck disable=SC2174  # 途中の階層も、上の umask で自分だけのものになる
    mkdir -p -m 700 "$directory" || return 1
  fi
  [ -O "$directory" ] || return 1
  set -C
  # 「:」ではなく true を使う: 特殊組み込みの向け先の失敗は、シェルごと終わらせる。
  if true >"$directory/$run_id.fin"; then
    set +C
    printf "%99s\n" x >"$directory/$run_id.fin" && [ -s "$directory/$run_id.fin" ] && return 0
    # 満杯だった。自分が作ったものだけを片付けて、次の候補へ行く。
    rm -f "$directory/$run_id.fin"
    return 1
  fi
  set +C
  # 同時に来たもう一人が作った。同じ場所に集まらないと、名乗りで一人に決まらない。
  holds_run
}

locate_or_create() {
  umask 077
  locate && return 0
  each_directory make_run 2>/dev/null || return 1
  base=$directory/$run_id
}
