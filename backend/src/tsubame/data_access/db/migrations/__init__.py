"""表の移行(Alembic)。"""
