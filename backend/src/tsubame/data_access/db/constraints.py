"""制約の違反を、業務の失敗へ写す。制約の名前を知るのは、この層だけにする。"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import IntegrityError

from tsubame.business.shared.errors import DomainError


@contextmanager
def translated(errors: Mapping[str, DomainError]) -> Iterator[None]:
    """``制約の名前 → 投げる失敗``。表にない違反は、こちらの誤りなのでそのまま通す。"""
    try:
        yield
    except IntegrityError as exc:
        cause = exc.orig
        name = cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None
        if name is None or name not in errors:
            raise
        raise errors[name] from exc
