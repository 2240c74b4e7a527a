from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tsubame.business.shared.ids import ExecutionId, JobId, ProjectId, ServerId, VariableId


class VariableScope(StrEnum):
    """どこで効くか。後に並べたものほど強い。"""

    GLOBAL = "global"
    PROJECT = "project"
    SERVER = "server"
    JOB = "job"
    EXECUTION = "execution"


class VariableKind(StrEnum):
    PLAIN = "plain"
    SECRET = "secret"  # noqa: S105  種類の名前であり、秘密の値ではない
    FILE = "file"
    """中身をファイルで渡す秘密。変数の値は、その道になる。"""

    @property
    def is_secret(self) -> bool:
        return self is not VariableKind.PLAIN


@dataclass(frozen=True, slots=True)
class Owner:
    """どこに置いたか。``id`` は、プロジェクト・サーバ・ジョブ・実行の番号(全体なら ``None``)。"""

    scope: VariableScope
    id: ProjectId | ServerId | JobId | ExecutionId | None = None


EVERYWHERE = Owner(VariableScope.GLOBAL)


@dataclass(frozen=True, slots=True)
class Content:
    """値のバイト列。``repr`` や例外の文に出ない。秘密でない値と秘密の値は UTF-8、ファイルは何でもよい。"""

    raw: bytes = field(repr=False)

    @classmethod
    def of_text(cls, text: str) -> "Content":
        # 相方のないサロゲートは、検査で断るまで、落とさずに運ぶ
        return cls(text.encode("utf-8", "surrogatepass"))

    def text(self) -> str:
        """Raises: UnicodeDecodeError(ファイルの中身)。"""
        return self.raw.decode()


@dataclass(frozen=True, slots=True)
class Variable:
    """変数。秘密の値は持たない。

    Attributes:
        value: 秘密でない値。秘密なら ``None``。
        has_value: 値がある。実行に渡した秘密は、実行が終わると値を失う。
        maskable: ログで伏せられる。短すぎる秘密は伏せない。
    """

    id: VariableId
    owner: Owner
    name: str
    kind: VariableKind
    value: str | None
    has_value: bool
    maskable: bool
    updated_by_name: str
    created_at: datetime
    updated_at: datetime
    version: int
