"""起動のときの鍵の点検。ふだんは指紋を比べるだけで、合わないときだけ全部を開いてみる。"""

from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.data_access.crypto.key_rotation import KeyRotation, Unreadable
from tsubame.data_access.crypto.keyring import Keyring
from tsubame.data_access.tables.keys import encryption_keys

_NAMED: Final = 3


class LostKeyError(Exception):
    """鍵がなくて開けないものがある。文は、何が開けず、どうすればよいかを言う。"""


async def check_keys(engine: AsyncEngine, ring: Keyring, where: str) -> None:
    """``where`` は、鍵を読んだ場所。失くした鍵がなければ、今の鍵を控えて終わる。

    Raises: LostKeyError。
    """
    known = await known_keys(engine)
    missing = known - set(ring.fingerprints)
    # 控えがまだない(前の版から上げた)ときも、一度は開いてみる
    if missing or not known:
        unreadable = (await KeyRotation(engine, ring).survey()).unreadable
        if unreadable:
            raise LostKeyError(_sentence(unreadable, missing, where))
    # 開けないものがないなら、入れ替えを終えて外した鍵である
    await remember(engine, ring)


async def known_keys(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        return set((await connection.execute(select(encryption_keys.c.fingerprint))).scalars())


async def remember(engine: AsyncEngine, ring: Keyring) -> None:
    """今の鍵を控え、もう持っていない鍵の控えを消す。"""
    async with engine.begin() as connection:
        await connection.execute(
            insert(encryption_keys).values(fingerprint=ring.fingerprints[0]).on_conflict_do_nothing()
        )
        await connection.execute(
            delete(encryption_keys).where(encryption_keys.c.fingerprint.not_in(ring.fingerprints))
        )


def _sentence(unreadable: list[Unreadable], missing: set[str], where: str) -> str:
    names = ", ".join(str(each) for each in unreadable[:_NAMED])
    others = len(unreadable) - _NAMED
    if others > 0:
        names += f" and {others} more"
    lost = f" The missing key has the fingerprint {', '.join(sorted(missing))}." if missing else ""
    return (
        f"The encryption keys in {where} cannot open {names}.{lost} Put the old key back after the first one "
        "and start again. If it is lost for good, run 'tsubame keys abandon' and enter those secrets anew."
    )
