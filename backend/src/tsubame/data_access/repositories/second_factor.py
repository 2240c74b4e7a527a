"""二段階の鍵、回復コード、ログインの途中の証し、求める役割。"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.auth.second_factor import ChallengeRow, ChallengeStep, FirstFactor, SecondFactor
from tsubame.business.shared.ids import UserId
from tsubame.business.shared.permissions import Role
from tsubame.data_access.tables.second_factor import (
    recovery_codes,
    second_factor_roles,
    second_factors,
    sign_in_challenges,
)


class SqlSecondFactorRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, user_id: UserId) -> SecondFactor | None:
        query = select(second_factors).where(second_factors.c.user_id == user_id)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _second_factor(row)

    async def lock(self, user_id: UserId) -> SecondFactor | None:
        query = select(second_factors).where(second_factors.c.user_id == user_id).with_for_update()
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _second_factor(row)

    async def enabled_since(self) -> dict[UserId, datetime]:
        query = select(second_factors.c.user_id, second_factors.c.enabled_at).where(
            second_factors.c.sealed.is_not(None)
        )
        return {UserId(row.user_id): row.enabled_at for row in await self._connection.execute(query)}

    async def set_pending(self, user_id: UserId, pending: str, at: datetime) -> None:
        values = {"pending_sealed": pending, "pending_at": at}
        await self._connection.execute(
            upsert(second_factors)
            .values(user_id=user_id, **values)
            .on_conflict_do_update(index_elements=["user_id"], set_=values)
        )

    async def enable(self, user_id: UserId, sealed: str, step: int, at: datetime) -> None:
        await self._change(
            user_id,
            sealed=sealed,
            enabled_at=at,
            pending_sealed=None,
            pending_at=None,
            last_step=step,
            failures=0,
            blocked_until=None,
        )

    async def use_step(self, user_id: UserId, step: int) -> bool:
        used = await self._connection.execute(
            update(second_factors)
            .where(
                second_factors.c.user_id == user_id,
                or_(second_factors.c.last_step.is_(None), second_factors.c.last_step < step),
            )
            .values(last_step=step, failures=0, blocked_until=None)
            .returning(second_factors.c.user_id)
        )
        return used.scalar_one_or_none() is not None

    async def count_failure(self, user_id: UserId, failures: int, blocked_until: datetime | None) -> None:
        await self._change(user_id, failures=failures, blocked_until=blocked_until)

    async def remove(self, user_id: UserId) -> bool:
        await self._connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
        removed = await self._connection.execute(
            delete(second_factors)
            .where(second_factors.c.user_id == user_id, second_factors.c.sealed.is_not(None))
            .returning(second_factors.c.user_id)
        )
        return removed.scalar_one_or_none() is not None

    async def _change(self, user_id: UserId, **values: object) -> None:
        await self._connection.execute(
            update(second_factors).where(second_factors.c.user_id == user_id).values(values)
        )


class SqlRecoveryCodeRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def replace(self, user_id: UserId, hashes: Sequence[bytes]) -> None:
        await self._connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
        rows = [{"code_hash": code_hash, "user_id": user_id} for code_hash in hashes]
        await self._connection.execute(insert(recovery_codes), rows)

    async def use(self, user_id: UserId, code_hash: bytes, now: datetime) -> bool:
        used = await self._connection.execute(
            update(recovery_codes)
            .where(
                recovery_codes.c.code_hash == code_hash,
                recovery_codes.c.user_id == user_id,
                recovery_codes.c.used_at.is_(None),
            )
            .values(used_at=now)
            .returning(recovery_codes.c.user_id)
        )
        return used.scalar_one_or_none() is not None

    async def left(self, user_id: UserId) -> int:
        query = (
            select(func.count())
            .select_from(recovery_codes)
            .where(recovery_codes.c.user_id == user_id, recovery_codes.c.used_at.is_(None))
        )
        return (await self._connection.execute(query)).scalar_one()


class SqlChallengeRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, row: ChallengeRow, now: datetime) -> None:
        await self._connection.execute(
            delete(sign_in_challenges).where(
                sign_in_challenges.c.user_id == row.user_id, sign_in_challenges.c.expires_at <= now
            )
        )
        await self._connection.execute(
            insert(sign_in_challenges).values(
                token_hash=row.token_hash,
                user_id=row.user_id,
                step=row.step,
                first_factor=row.first_factor,
                expires_at=row.expires_at,
            )
        )

    async def find(self, token_hash: bytes, now: datetime) -> ChallengeRow | None:
        query = select(sign_in_challenges).where(
            sign_in_challenges.c.token_hash == token_hash, sign_in_challenges.c.expires_at > now
        )
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        return ChallengeRow(
            token_hash=bytes(row.token_hash),
            user_id=UserId(row.user_id),
            step=ChallengeStep(row.step),
            first_factor=FirstFactor(row.first_factor),
            expires_at=row.expires_at,
        )

    async def take(self, token_hash: bytes) -> bool:
        taken = await self._connection.execute(
            delete(sign_in_challenges)
            .where(sign_in_challenges.c.token_hash == token_hash)
            .returning(sign_in_challenges.c.user_id)
        )
        return taken.scalar_one_or_none() is not None

    async def drop_all_of(self, user_id: UserId) -> None:
        await self._connection.execute(
            delete(sign_in_challenges).where(sign_in_challenges.c.user_id == user_id)
        )


class SqlSignInPolicyRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def required_roles(self) -> frozenset[Role]:
        rows = await self._connection.execute(select(second_factor_roles.c.role))
        return frozenset(Role(role) for role in rows.scalars())

    async def require_roles(self, roles: Collection[Role]) -> None:
        await self._connection.execute(delete(second_factor_roles))
        if roles:
            await self._connection.execute(insert(second_factor_roles), [{"role": role} for role in roles])


def _second_factor(row: Row[*tuple[Any, ...]]) -> SecondFactor:
    return SecondFactor(
        user_id=UserId(row.user_id),
        sealed=row.sealed,
        enabled_at=row.enabled_at,
        pending=row.pending_sealed,
        pending_at=row.pending_at,
        last_step=row.last_step,
        failures=row.failures,
        blocked_until=row.blocked_until,
    )
