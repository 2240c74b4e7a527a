# 走り手の後半: スクリプトを動かし、終わりを書く。files は、秘密のファイルの並び(files.sh)。

# 前置き(upload.py が組み立てる)は、場所へ入り、環境変数を当て、$@ を解釈系とスクリプトにする。
# 変数の名前は利用者のものとぶつかりうるので、当てたあとは位置引数だけを使う。$2 は改行、$3 はスクリプト。
# exec に失敗すると、dash と ash は EXIT の trap を、bash は execfail で次の行を実行する。
# 成功すれば、どちらも起きない。これで「始められなかった」と、スクリプト自身の 126・127 を分ける。
(
  umask "$mask"
  set -- "$prelude" "${IFS#??}" "$script"
  eval "$1" >/dev/null 2>&1
  trap "shift \"\$((\$# - 1))\"; echo interpreter >\"\$1.x\"" EXIT
  # shellcheck disable=SC3044  # bash でなければ、何も起きない
  command shopt -s execfail 2>/dev/null
  exec "$@"
  exit
) >>"$base.out" 2>&1
code=$?
note=-
[ "$guard" ] && dismiss_guard
[ -e "$script.x" ] && read -r note <"$script.x"
# ログを書けたかをあとから知る術はないので、終わった時点で一塊も書けなければ「欠けたかもしれない」と言う。
if [ "$note" = - ]; then
  printf "%4096s\n" x >"$script.p" && [ -s "$script.p" ] || note=full
fi
# 秘密のファイルは、終わりを言う前に消す。
[ "$files" ] && rm -f "$script".f.*
finish "$code" "$note"
exec rm -f "$script" "$script.x" "$script.p" "$script.d"
