from tsubame.business.shared.errors import AuthenticationError, ConflictError, NotFoundError


class UserNotFoundError(NotFoundError):
    code = "user_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such user.")


class InvitationNotFoundError(NotFoundError):
    code = "invitation_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such invitation. It may have been used or withdrawn.")


class InvitationInvalidError(AuthenticationError):
    """招待のリンクが違う、使われた、取り消された、または期限が過ぎた。どれかは言わない。"""

    code = "invitation_invalid"

    def __init__(self) -> None:
        super().__init__("This invitation link is not valid. It may have been used, withdrawn or expired.")


class LastAdminError(ConflictError):
    """働ける管理者が一人もいなくなる。"""

    code = "last_admin"

    def __init__(self) -> None:
        super().__init__("This is the last administrator who can sign in. Make another one first.")


class NoPasswordError(ConflictError):
    """外のログインだけで入る人。替えるパスワードがないので、替えさせると何もできなくなる。"""

    code = "no_password"

    def __init__(self) -> None:
        super().__init__("This user signs in through an identity provider and has no password here.")


class OwnAccountError(ConflictError):
    """自分を止める、または消す。うっかり締め出されないよう、ほかの管理者に頼ませる。"""

    code = "own_account"

    def __init__(self) -> None:
        super().__init__("You cannot disable or delete yourself. Ask another administrator.")
