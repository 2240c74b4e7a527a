from datetime import datetime
from typing import Annotated

from pydantic import Field, SecretStr

from tsubame.business.auth.proofs import Proof
from tsubame.business.auth.second_factor import ChallengeStep, Enrolment
from tsubame.business.shared.permissions import Role
from tsubame.business.shared.secret import Secret
from tsubame.presentation.http.api_model import ApiInput, ApiModel
from tsubame.presentation.http.schemas.auth import AccessTokenRead

_Challenge = Annotated[SecretStr, Field(min_length=1, max_length=200)]
_Code = Annotated[SecretStr, Field(min_length=1, max_length=100)]


class ChallengeRead(ApiModel):
    """パスワードは合ったが、まだ入れない。``challenge`` は二段目にしか使えず、短いあいだで切れる。"""

    challenge: str
    step: ChallengeStep
    """``code`` なら符号を、``enrol`` なら先に用意を。"""
    expires_in: int
    """秒。"""


class ChallengeInput(ApiInput):
    challenge: _Challenge


class ChallengeAnswerInput(ApiInput):
    challenge: _Challenge
    code: _Code
    """認証アプリの六桁、または回復コード(用意の途中なら六桁だけ)。"""


class CodeInput(ApiInput):
    code: _Code


class ProofInput(ApiInput):
    """本人だという証し。二段階を使っていれば ``code``、使っていなければ ``password``。"""

    password: Annotated[SecretStr, Field(max_length=1024)] | None = None
    code: _Code | None = None


class QrCodeRead(ApiModel):
    """``size`` 四方に描く SVG の path。"""

    size: int
    path: str


class EnrolmentRead(ApiModel):
    secret: str
    uri: str
    qr: QrCodeRead


class RecoveryCodesRead(ApiModel):
    """一度だけ返す。"""

    recovery_codes: list[str]


class EnrolledRead(AccessTokenRead):
    recovery_codes: list[str]


class SecondFactorRead(ApiModel):
    enabled_at: datetime | None
    recovery_codes_left: int
    required: bool
    """自分の役割が二段階を求めるか。"""


class SignInPolicyRead(ApiModel):
    second_factor_roles: list[Role]


class SignInPolicyInput(ApiInput):
    second_factor_roles: list[Role] = Field(max_length=len(Role))


class SignInPersonRead(ApiModel):
    user_id: int
    username: str
    role: Role | None
    disabled: bool
    second_factor_since: datetime | None
    required: bool


class SignInPeople(ApiModel):
    items: list[SignInPersonRead]


def enrolment_read(enrolment: Enrolment) -> EnrolmentRead:
    return EnrolmentRead(
        secret=enrolment.secret.reveal(),
        uri=enrolment.uri.reveal(),
        qr=QrCodeRead(size=enrolment.qr.size, path=enrolment.qr.path),
    )


def to_proof(body: ProofInput) -> Proof:
    return Proof(
        password=None if body.password is None else Secret(body.password.get_secret_value()),
        code=None if body.code is None else body.code.get_secret_value(),
    )
