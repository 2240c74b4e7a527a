# 連絡の印を置く。走り手の見張りが見て、消す。
if locate; then :; else
  say gone
  exit 0
fi
true >"$base.con" || die why=write
say touched
