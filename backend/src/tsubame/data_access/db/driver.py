"""SQLAlchemy の下にある psycopg の接続。"""

import psycopg
from sqlalchemy.ext.asyncio import AsyncConnection


async def driver_of(connection: AsyncConnection) -> psycopg.AsyncConnection:
    """同じ取引のまま、SQLAlchemy にない道具(パイプライン、二進の受け取り)を使うために。"""
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    if not isinstance(driver, psycopg.AsyncConnection):  # engine.py がただ一つのドライバを決めている
        raise TypeError(type(driver))
    return driver
