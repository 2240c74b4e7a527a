from tsubame.business.shared.errors import AuthenticationError, ConflictError


class BadCredentialsError(AuthenticationError):
    """名前かパスワードが違う。どちらが違うかは言わない。"""

    code = "bad_credentials"


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
