# 接続試験の後半: シェルが動くこと、離れた子まで止められるか、走りを置く場所と空きを言う。
# 走るときと同じに印を付け、子に伝わるかを見る。32 ビットの核では入りきらないので、その大きさの数で試す。
mark_of $$ 4194304
detached=$(wear_mark; grep -sqE "^Max file locks +$mark " /proc/self/limits && echo caught)
say shell shell="${SHELL:-}" detached="${detached:-escapes}" uname="$(uname -sm)"
locate_or_create || die why=nodir
free=$(df -Pk "$directory" 2>/dev/null | { read -r title; read -r device blocks used available rest; echo "$available"; })
rm -f "$base".*
say directory free_kb="${free:-0}" d="$directory"
