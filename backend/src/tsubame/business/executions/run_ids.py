"""サーバの上での走りの名前。"""

import secrets
from datetime import datetime


def new_run_id(at: datetime) -> str:
    """ほかの設置のつばめとも、決して重ならない名前。"""
    return f"{at:%y%m%d%H%M%S}-{secrets.token_hex(8)}"
