"""画面に入った本人だけがすること。トークンには許さない。"""

from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import PermissionDeniedError
from tsubame.business.shared.ids import UserId


class PersonNeededError(PermissionDeniedError):
    """人のログインが要る。トークンが自分より強い鍵を作ったり、人の入り方を変えたりできないように。"""

    code = "person_needed"

    def __init__(self) -> None:
        super().__init__("An API token cannot do this. Sign in as a person.")


def require_person(actor: Actor) -> UserId:
    """本人の番号。

    Raises: PersonNeededError。
    """
    if actor.user_id is None or actor.token is not None:
        raise PersonNeededError
    return actor.user_id
