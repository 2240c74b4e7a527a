from tsubame.business.shared.errors import (
    AuthenticationError,
    BusyError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
)


class BadCredentialsError(AuthenticationError):
    """名前かパスワードが違う。どちらが違うかは言わない。"""

    code = "bad_credentials"


class OneTimePasswordExpiredError(AuthenticationError):
    """渡された一度きりのパスワードは合っているが、期限が過ぎた。"""

    code = "one_time_password_expired"


class PasswordChangeNeededError(PermissionDeniedError):
    """パスワードを替えるまで、ほかのことはできない。"""

    code = "password_change_needed"


class SessionNotFoundError(NotFoundError):
    code = "session_not_found"


class TokenExpiredError(AuthenticationError):
    code = "token_expired"


class TokenInvalidError(AuthenticationError):
    code = "token_invalid"


class SessionEndedError(AuthenticationError):
    """更新券が切れた、使い回された、または取り消された。"""

    code = "session_ended"


class SetupDoneError(ConflictError):
    """初回の設定は済んでいる。"""

    code = "setup_done"


class SetupTokenError(AuthenticationError):
    """初回の設定の合言葉が違う。"""

    code = "setup_token_invalid"


class ChallengeEndedError(AuthenticationError):
    """二段目の前の証しが、切れたか、もう使われた。"""

    code = "challenge_ended"

    def __init__(self) -> None:
        super().__init__("This sign-in took too long or was already completed. Start again.")


class CodesPausedError(BusyError):
    """符号を続けて間違えた。"""

    code = "codes_paused"


class SecondFactorOffError(ConflictError):
    """二段階を使っていない。"""

    code = "second_factor_off"

    def __init__(self) -> None:
        super().__init__("Two-factor authentication is not turned on.")


class SecondFactorRequiredError(ConflictError):
    """役割が求めているので、やめられない。"""

    code = "second_factor_required_by_role"

    def __init__(self) -> None:
        super().__init__("Your role requires two-factor authentication, so it cannot be turned off.")


class EnrolmentEndedError(ConflictError):
    """始めた用意が、切れたか、もう済んだ。"""

    code = "enrolment_ended"

    def __init__(self) -> None:
        super().__init__("This set-up has expired or is already done. Start it again.")


class OwnSecondFactorError(ConflictError):
    """自分の二段階は、ほかの管理者にしか外させない。"""

    code = "own_second_factor"

    def __init__(self) -> None:
        super().__init__("Turn off your own two-factor authentication in your profile.")


class SecondFactorUnreadableError(ConflictError):
    """しまった鍵を開けない(暗号の鍵が失われた)。回復コードなら入れる。"""

    code = "second_factor_unreadable"

    def __init__(self) -> None:
        super().__init__(
            "The stored secret cannot be read: the encryption key has changed. "
            "Use a recovery code, or ask an administrator to reset your two-factor authentication."
        )
