"""表の定義(SQLAlchemy Core)。部屋ごとに一つのファイル。"""
