# 接続試験の後半: シェルが動くこと、走りを置く場所と空き、持っている道具を言う。
say shell shell="${SHELL:-}" uname="$(uname -sm)"
locate_or_create || die why=nodir
free=$(df -Pk "$directory" 2>/dev/null | { read -r title; read -r device blocks used available rest; echo "$available"; })
rm -f "$base".*
say directory free_kb="${free:-0}" d="$directory"
