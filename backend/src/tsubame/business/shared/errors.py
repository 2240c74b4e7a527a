"""業務の失敗。HTTP の番号は知らず、機械が読む ``code`` だけを持つ。

番号への対応は ``presentation/http/errors.py`` の一つの表にある。画面は ``code`` を訳して見せ、
``detail``(英語の一文)は API の利用者と、訳のない ``code`` のために添える。
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


class DomainError(Exception):
    """利用者に理由を返せる失敗の根。

    Attributes:
        code: 機械が読む名前。公開後は変えない。
        detail: 英語の一文。秘密の値を入れてはならない。
        params: 画面の訳文に差し込む値。
    """

    code: ClassVar[str] = "error"

    def __init__(self, detail: str, *, params: Mapping[str, str | int] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.params: Mapping[str, str | int] = params or {}


class NotFoundError(DomainError):
    code = "not_found"


class ConflictError(DomainError):
    code = "conflict"


class NameTakenError(ConflictError):
    """同じ名前がすでにある。"""

    code = "name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"The name {name!r} is already taken.", params={"name": name})


class VersionConflictError(ConflictError):
    """読んでから保存するまでに、ほかの人が変えた(If-Match の不一致)。"""

    code = "version_conflict"

    def __init__(self) -> None:
        super().__init__("Somebody else changed this in the meantime. Load it again and repeat your change.")


@dataclass(frozen=True, slots=True)
class FieldError:
    """入力欄一つの誤り。``field`` は API の項目名(例 ``timeout_s``、``env.0.name``)。

    ``params`` は、画面の訳文に差し込む値(例 読めなくなった文字の位置)。
    """

    field: str
    code: str
    message: str
    params: Mapping[str, str | int] = dataclasses.field(default_factory=dict)


class InvalidInputError(DomainError):
    """入力の誤り。画面は欄ごとに示し、入力を残す。"""

    code = "invalid_input"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = tuple(errors)

    @classmethod
    def one(cls, field: str, code: str, message: str) -> "InvalidInputError":
        return cls([FieldError(field, code, message)])


class AuthenticationError(DomainError):
    """だれであるかを確かめられない。"""

    code = "unauthenticated"


class PermissionDeniedError(DomainError):
    """だれであるかは分かったが、してよい役割ではない。"""

    code = "permission_denied"


class UnavailableError(DomainError):
    """今は応えられない。時間をおけば通る見込みがある。"""

    code = "unavailable"


class BusyError(DomainError):
    """頼みが多すぎて、今は引き受けられない。``retry_after_s`` 秒ほどおけば、空いている見込みがある。"""

    code = "busy"

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail, params={"retry_after_s": retry_after_s})
        self.retry_after_s = retry_after_s


class StorageUnavailableError(UnavailableError):
    """データベースに届かない。"""

    code = "storage_unavailable"
