"""二段階の道: ログインの途中、自分の設定、管理者の決まり。"""

from fastapi import APIRouter, Request, Response

from tsubame.business.shared.ids import UserId
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import ClientDep, CurrentActor, ServicesDep, problems
from tsubame.presentation.http.routes.auth import deliver
from tsubame.presentation.http.same_site import refuse_cross_site
from tsubame.presentation.http.schemas.auth import AccessTokenRead
from tsubame.presentation.http.schemas.second_factor import (
    ChallengeAnswerInput,
    ChallengeInput,
    CodeInput,
    EnrolledRead,
    EnrolmentRead,
    ProofInput,
    RecoveryCodesRead,
    SecondFactorRead,
    SignInPeople,
    SignInPersonRead,
    SignInPolicyInput,
    SignInPolicyRead,
    enrolment_read,
    to_proof,
)

router = APIRouter(tags=["sign-in"], responses=problems())


@router.post("/auth/second-factor", operation_id="answerChallenge")
async def answer_challenge(
    body: ChallengeAnswerInput,
    request: Request,
    response: Response,
    client: ClientDep,
    services: ServicesDep,
) -> AccessTokenRead:
    """二段目。符号か回復コードで入る。"""
    refuse_cross_site(request)
    signed_in = await services.sign_in.second_step.answer(
        body.challenge.get_secret_value(), body.code.get_secret_value(), client
    )
    return deliver(request, response, signed_in)


@router.post("/auth/second-factor/enrolment", operation_id="beginChallengeEnrolment")
async def begin_challenge_enrolment(
    body: ChallengeInput, request: Request, services: ServicesDep
) -> EnrolmentRead:
    """役割が求める二段階を、入る前に用意しはじめる。"""
    refuse_cross_site(request)
    challenge = body.challenge.get_secret_value()
    return enrolment_read(await services.sign_in.second_step.begin_enrolment(challenge))


@router.post("/auth/second-factor/enrolment/confirm", operation_id="confirmChallengeEnrolment")
async def confirm_challenge_enrolment(
    body: ChallengeAnswerInput,
    request: Request,
    response: Response,
    client: ClientDep,
    services: ServicesDep,
) -> EnrolledRead:
    """用意した符号で確かめ、そのまま入る。回復コードは、このとき一度だけ返す。"""
    refuse_cross_site(request)
    enrolled = await services.sign_in.second_step.confirm_enrolment(
        body.challenge.get_secret_value(), body.code.get_secret_value(), client
    )
    token = deliver(request, response, enrolled.signed_in)
    return EnrolledRead(**token.model_dump(), recovery_codes=enrolled.recovery_codes)


@router.get("/profile/second-factor", operation_id="getSecondFactor")
async def get_second_factor(actor: CurrentActor, services: ServicesDep) -> SecondFactorRead:
    return SecondFactorRead.model_validate(await services.sign_in.second_factor.status(actor))


@router.post("/profile/second-factor", operation_id="beginSecondFactor")
async def begin_second_factor(body: ProofInput, actor: CurrentActor, services: ServicesDep) -> EnrolmentRead:
    """用意しはじめる。もう使っていれば、新しい電話への乗り換えになる。"""
    return enrolment_read(await services.sign_in.second_factor.begin(actor, to_proof(body)))


@router.post("/profile/second-factor/confirm", operation_id="confirmSecondFactor")
async def confirm_second_factor(
    body: CodeInput, actor: CurrentActor, services: ServicesDep
) -> RecoveryCodesRead:
    codes = await services.sign_in.second_factor.confirm(actor, body.code.get_secret_value())
    return RecoveryCodesRead(recovery_codes=codes)


@router.post("/profile/second-factor/recovery-codes", operation_id="renewRecoveryCodes")
async def renew_recovery_codes(
    body: ProofInput, actor: CurrentActor, services: ServicesDep
) -> RecoveryCodesRead:
    """回復コードを作り直す。前のものは使えなくなる。"""
    codes = await services.sign_in.second_factor.renew_recovery_codes(actor, to_proof(body))
    return RecoveryCodesRead(recovery_codes=codes)


@router.post("/profile/second-factor/disable", status_code=204, operation_id="disableSecondFactor")
async def disable_second_factor(body: ProofInput, actor: CurrentActor, services: ServicesDep) -> None:
    await services.sign_in.second_factor.disable(actor, to_proof(body))


@router.delete("/users/{user_id}/second-factor", status_code=204, operation_id="resetSecondFactor")
async def reset_second_factor(user_id: RowId, actor: CurrentActor, services: ServicesDep) -> None:
    """電話も回復コードもなくした人のために外す。その人のログインも終わらせる。"""
    await services.sign_in.second_factor.reset(actor, UserId(user_id))


@router.get("/sign-in/policy", operation_id="getSignInPolicy")
async def get_policy(actor: CurrentActor, services: ServicesDep) -> SignInPolicyRead:
    return SignInPolicyRead(second_factor_roles=await services.sign_in.policy.required_roles(actor))


@router.put("/sign-in/policy", operation_id="setSignInPolicy")
async def set_policy(body: SignInPolicyInput, actor: CurrentActor, services: ServicesDep) -> SignInPolicyRead:
    """二段階を求める役割を決める。用意のない人のログインは、その場で終わる。"""
    roles = await services.sign_in.policy.require_roles(actor, body.second_factor_roles)
    return SignInPolicyRead(second_factor_roles=roles)


@router.get("/sign-in/people", operation_id="listSignInPeople")
async def list_people(actor: CurrentActor, services: ServicesDep) -> SignInPeople:
    people = await services.sign_in.policy.people(actor)
    return SignInPeople(items=[SignInPersonRead.model_validate(person) for person in people])
