from tsubame.business.shared.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
)


class ApiTokenInvalidError(AuthenticationError):
    """形が違う、取り消された、または持ち主がいないか止められた。どれかは言わない。"""

    code = "api_token_invalid"

    def __init__(self) -> None:
        super().__init__("This API token is not valid. It may have been revoked.")


class ApiTokenExpiredError(AuthenticationError):
    code = "api_token_expired"

    def __init__(self) -> None:
        super().__init__("This API token has expired. Create a new one.")


class ApiTokenPausedError(PermissionDeniedError):
    """持ち主がパスワードを替えるまで、トークンも働かない。"""

    code = "api_token_paused"

    def __init__(self) -> None:
        super().__init__("The owner of this token has to choose a new password first.")


class ApiTokenNotFoundError(NotFoundError):
    code = "api_token_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such API token.")


class TooManyTokensError(ConflictError):
    code = "too_many_tokens"

    def __init__(self, most: int) -> None:
        super().__init__(
            f"At most {most} tokens. Delete the ones that are no longer used.", params={"most": most}
        )
