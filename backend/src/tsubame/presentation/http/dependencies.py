"""道の引数に書く部品。"""

import re
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Response
from starlette.requests import HTTPConnection

from tsubame.business.auth.entities import ClientInfo, Identity
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import AuthenticationError, InvalidInputError
from tsubame.business.shared.paging import DEFAULT_LIMIT, MAX_LIMIT, PageRequest, decode_cursor
from tsubame.business.tokens.values import is_token
from tsubame.business.users.people import PersonNeededError
from tsubame.presentation.http import cookies
from tsubame.presentation.http.errors import PROBLEM_JSON
from tsubame.presentation.http.pace import Pace
from tsubame.presentation.http.schemas.common import Problem
from tsubame.presentation.http.services import HttpServices

_PROBLEMS: Final = (400, 401, 403, 404, 409, 412, 413, 422, 429, 503)
_PEOPLE_BEHIND_ONE_ADDRESS: Final = 5
_ETAG: Final = re.compile(r'(?:W/)?"(\d{1,9})"')
_USER_AGENT_LENGTH: Final = 300


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI に載せる失敗の形。省けば、起こりうる番号の全部。"""
    return {status: {"model": Problem, "content": {PROBLEM_JSON: {}}} for status in statuses or _PROBLEMS}


def services_of(connection: HTTPConnection) -> HttpServices:
    services: HttpServices = connection.app.state.services
    return services


ServicesDep = Annotated[HttpServices, Depends(services_of)]


def client_info(connection: HTTPConnection) -> ClientInfo:
    address = connection.client.host if connection.client is not None else ""
    agent = connection.headers.get("user-agent", "").replace("\0", "")
    return ClientInfo(
        address=address,
        user_agent=agent[:_USER_AGENT_LENGTH],
        device=cookies.DEVICE.read(connection),
        refresh=cookies.REFRESH.read(connection),
    )


ClientDep = Annotated[ClientInfo, Depends(client_info)]


def bearer_token(connection: HTTPConnection) -> str:
    """Raises: AuthenticationError。"""
    # 依存の型に HTTPBearer を使わない。無い・形が違うときの応答を、ほかと同じ problem にするため
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise AuthenticationError("Sign in first: send the access token as 'Authorization: Bearer …'.")
    return token.strip()


BearerToken = Annotated[str, Depends(bearer_token)]


async def current_actor(
    connection: HTTPConnection, token: BearerToken, client: ClientDep, services: ServicesDep
) -> Actor:
    """操作の主体。ふつうの道は、みなこれを使う。

    Raises: AuthenticationError, PasswordChangeNeededError。
    """
    actor = await services.authenticator.actor_from(token, client.address)
    # 断ったときに、だれだったかを監査に残すため(errors.py)
    connection.state.actor = actor
    return actor


CurrentActor = Annotated[Actor, Depends(current_actor)]


async def current_identity(
    connection: HTTPConnection, token: BearerToken, client: ClientDep, services: ServicesDep
) -> Identity:
    """画面に入った本人。パスワードを替えなければならない人も通す、自分のことだけの道に使う。

    Raises: AuthenticationError, PersonNeededError(API トークンで来た)。
    """
    if is_token(token):
        connection.state.actor = await services.authenticator.actor_from(token, client.address)
        raise PersonNeededError
    identity = await services.authenticator.identify(token, client.address)
    connection.state.actor = identity.itself()
    return identity


IdentityDep = Annotated[Identity, Depends(current_identity)]


def ready_identity(identity: IdentityDep) -> Identity:
    """``current_identity`` のうち、ほかの操作もしてよい人。

    Raises: PasswordChangeNeededError。
    """
    identity.actor()
    return identity


ReadyIdentity = Annotated[Identity, Depends(ready_identity)]


def page_request(cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> PageRequest:
    """Raises: InvalidInputError。"""
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInputError.one("limit", "out_of_range", f"The limit must be from 1 to {MAX_LIMIT}.")
    return PageRequest(after=decode_cursor(cursor), limit=limit)


PageDep = Annotated[PageRequest, Depends(page_request)]


def mark_version(response: Response, version: int) -> None:
    """編集の衝突を見つけるための ``ETag`` を付ける。"""
    response.headers["ETag"] = f'"{version}"'


class Edition:
    """編集が前提にする版(``If-Match``)と、できた版の返し方。"""

    def __init__(self, response: Response, if_match: Annotated[str | None, Header()] = None) -> None:
        self._response = response
        self.expected = _expected_version(if_match)

    def mark(self, version: int) -> None:
        mark_version(self._response, version)


EditionDep = Annotated[Edition, Depends()]


def _expected_version(if_match: str | None) -> int | None:
    """無いか ``*`` なら ``None``(確かめずに保存する)。

    ``W/`` は、応答を圧縮した逆プロキシが付けるので受ける。

    Raises: InvalidInputError。
    """
    if if_match is None or if_match.strip() == "*":
        return None
    matched = _ETAG.fullmatch(if_match.strip())
    if matched is None:
        raise InvalidInputError.one("if-match", "invalid_etag", 'If-Match must be one ETag such as "3".')
    return int(matched.group(1))


def paced(pace: Pace) -> Any:
    """手間のかかる道の ``dependencies`` に並べる、速さの限り。一人ごとと、一つの住所ごとに数える。"""

    async def take(actor: CurrentActor, client: ClientDep, services: ServicesDep) -> None:
        services.pacer.take(pace, f"user {actor.user_id or actor.name}")
        services.pacer.take(pace, f"address {client.address}", _PEOPLE_BEHIND_ONE_ADDRESS)

    return Depends(take)
