"""外のログインの失敗。どれも、ログインの画面に文と次の一手を出す。"""

from tsubame.business.shared.errors import (
    AuthenticationError,
    ConflictError,
    DomainError,
    NotFoundError,
)


class ProviderNotFoundError(NotFoundError):
    code = "provider_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such identity provider.")


class ProviderProblem(DomainError):  # noqa: N818  失敗というより、相手の側の事情
    """提供者の側の事情。"""

    code = "provider_problem"


class ProviderUnreachableError(ProviderProblem):
    code = "provider_unreachable"


class ProviderInsideError(ProviderUnreachableError):
    """内側の住所なので、こちらから話しかけなかった。``TSUBAME_OUTGOING_ALLOWED`` で許せる。"""

    code = "provider_inside"


class ProviderMisconfiguredError(ProviderProblem):
    """文書か答えが、決まりの形をしていない。"""

    code = "provider_misconfigured"


class ProviderRefusedError(ProviderProblem):
    """提供者が断った(本人がやめた、クライアントの設定が違う、など)。"""

    code = "provider_refused"


class IdTokenRefusedError(ProviderProblem):
    """提供者の証明書を信じられない。"""

    code = "id_token_refused"


class SsoRefusedError(AuthenticationError):
    """外のログインを続けられない。"""

    code = "sso_refused"


class SsoEndedError(SsoRefusedError):
    """このブラウザで始めたものではないか、時間が切れた。"""

    code = "sso_ended"

    def __init__(self) -> None:
        super().__init__("This sign-in took too long, was already used, or began in another browser.")


class SsoNoAccountError(SsoRefusedError):
    code = "sso_no_account"


class SsoNoRoleError(SsoRefusedError):
    code = "sso_no_role"


class SsoNameTakenError(SsoRefusedError):
    """同じ名前の利用者がいる。名前やメールが同じだけでは、同じ人とはみなさない。"""

    code = "sso_name_taken"


class SsoDisabledError(SsoRefusedError):
    code = "sso_disabled"


class IdentityTakenError(ConflictError):
    """その身元は、ほかの利用者に結びついている。"""

    code = "identity_taken"

    def __init__(self) -> None:
        super().__init__("This account of the provider is already linked to another user.")


class LastWayInError(ConflictError):
    """パスワードのない人の、最後の入り口。"""

    code = "last_way_in"

    def __init__(self) -> None:
        super().__init__("This user has no password, so the last linked account cannot be removed.")
