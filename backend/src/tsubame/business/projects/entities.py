from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tsubame.business.shared.ids import ProjectId, UserId
from tsubame.business.shared.permissions import Role


@dataclass(frozen=True, slots=True)
class ProjectRef:
    id: ProjectId
    name: str


@dataclass(frozen=True, slots=True)
class Contents:
    """プロジェクトにある物の数。``executions`` は、残っている実行の履歴。"""

    servers: int
    jobs: int
    credentials: int
    executions: int

    @property
    def left(self) -> Mapping[str, int]:
        """残っている物だけ。"""
        counts = {
            "servers": self.servers,
            "jobs": self.jobs,
            "credentials": self.credentials,
            "executions": self.executions,
        }
        return {name: count for name, count in counts.items() if count > 0}


@dataclass(frozen=True, slots=True)
class Project:
    """プロジェクト。

    Attributes:
        max_parallel: 同時に動かす対象の上限。``None`` なら上限なし。
        members: プロジェクトの役割を持つ人の数。どこでも効く役割だけの人は数えない。
    """

    id: ProjectId
    name: str
    max_parallel: int | None
    members: int
    contents: Contents
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ProjectDraft:
    name: str
    max_parallel: int | None


@dataclass(frozen=True, slots=True)
class Member:
    """そのプロジェクトに入れる人。

    Attributes:
        role: そこでの役割。``None`` なら、どこでも効く役割だけで入れる人。
        everywhere: どこでも効く役割。
        disabled: 止められていて、今はログインできない。
    """

    user_id: UserId
    username: str
    role: Role | None
    everywhere: Role | None
    disabled: bool
