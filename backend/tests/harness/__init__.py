"""試験が使う本物の相手(PostgreSQL、OpenSSH)を用意する。"""
