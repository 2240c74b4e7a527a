"""暗号: 金庫(Fernet)、パスワード(argon2id)、通行証(JWT)。"""
