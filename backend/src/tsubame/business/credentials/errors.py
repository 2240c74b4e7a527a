from collections.abc import Sequence

from tsubame.business.shared.errors import ConflictError, NotFoundError


class CredentialNotFoundError(NotFoundError):
    code = "credential_not_found"


class CredentialInUseError(ConflictError):
    """使っているサーバがあるので消せない。"""

    code = "credential_in_use"

    def __init__(self, servers: Sequence[str]) -> None:
        names = ", ".join(servers)
        super().__init__(
            f"This credential is used by: {names}. Give them another one first.",
            params={"servers": names, "count": len(servers)},
        )


class PrivateKeyError(Exception):
    """秘密鍵を読めない。``code`` は欄の誤りの名前としてそのまま使う。

    Attributes:
        code: ``key_unreadable`` | ``passphrase_required`` | ``passphrase_wrong`` | ``key_is_public``。
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
