from datetime import datetime

from pydantic import Field

from tsubame.business.shared.permissions import Permission, Role
from tsubame.business.tokens.entities import ApiToken, TokenDraft
from tsubame.business.tokens.service import MadeToken
from tsubame.presentation.http.api_model import ApiInput, ApiModel


class TokenInput(ApiInput):
    name: str = Field(max_length=100)
    scopes: list[Permission]
    """許す権限。持ち主の役割が許すことのうち、これに入るものだけができる。"""
    lifetime_days: int | None
    """期限。null なら、期限がない。省けない(うっかり期限なしにしないため)。"""

    def to_draft(self) -> TokenDraft:
        return TokenDraft(self.name, frozenset(self.scopes), self.lifetime_days)


class ProjectTokenInput(TokenInput):
    role: Role
    """このプロジェクトで持つ役割。"""


class TokenRead(ApiModel):
    id: int
    name: str
    hint: str
    """値のはじめの数字。値そのものは、作ったときにしか返さない。"""
    role: Role | None
    """プロジェクトのトークンの役割。自分のトークンなら null で、いつも自分の役割に従う。"""
    scopes: list[Permission]
    created_at: datetime
    created_by_name: str
    expires_at: datetime | None
    last_used_at: datetime | None
    last_address: str | None


class TokenList(ApiModel):
    items: list[TokenRead]


class TokenMade(ApiModel):
    token: TokenRead
    value: str
    """二度と読めない。``Authorization: Bearer`` に入れて使う。"""


class TokenPresets(ApiModel):
    """権限の組み合わせの、よく使う三つ。"""

    read_only: list[Permission]
    run: list[Permission]
    all: list[Permission]


def token_read(token: ApiToken) -> TokenRead:
    return TokenRead(
        id=token.id,
        name=token.name,
        hint=token.hint,
        role=token.owner.role,
        scopes=sorted(token.scopes),
        created_at=token.created_at,
        created_by_name=token.created_by_name,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
        last_address=token.last_address,
    )


def token_made(made: MadeToken) -> TokenMade:
    return TokenMade(token=token_read(made.token), value=made.value.reveal())
