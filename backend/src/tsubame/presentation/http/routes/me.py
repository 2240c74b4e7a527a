"""自分のことの道。"""

from typing import Annotated

from fastapi import APIRouter, Path

from tsubame.business.shared.ids import SessionId
from tsubame.business.shared.secret import Secret
from tsubame.business.users.entities import Preferences
from tsubame.business.users.profile import PasswordChange
from tsubame.presentation.http.dependencies import IdentityDep, ReadyIdentity, ServicesDep, problems
from tsubame.presentation.http.schemas.second_factor import ProofInput, to_proof
from tsubame.presentation.http.schemas.users import (
    EndedRead,
    PasswordInput,
    PreferencesInput,
    PreferencesRead,
    SessionList,
    session_read,
)

# 番号でない名前を、データベースへ渡す前に断る
SessionKey = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
router = APIRouter(prefix="/me", tags=["me"], responses=problems())


@router.put("/preferences", operation_id="setMyPreferences")
async def set_preferences(
    body: PreferencesInput, me: ReadyIdentity, services: ServicesDep
) -> PreferencesRead:
    """言語・見た目・時間帯。どの端末でも効く。"""
    preferences = Preferences(body.language, body.theme, body.time_zone)
    await services.people.profile.set_preferences(me.user, preferences)
    return PreferencesRead.model_validate(preferences)


@router.post("/password", status_code=204, operation_id="changeMyPassword")
async def change_password(body: PasswordInput, me: IdentityDep, services: ServicesDep) -> None:
    """パスワードを替える。ほかの端末のログインは、全部終わる。"""
    change = PasswordChange(
        Secret(body.current_password.get_secret_value()), Secret(body.new_password.get_secret_value())
    )
    await services.people.profile.change_password(me.itself(), me.user, me.session.id, change)


@router.get("/sessions", operation_id="listMySessions")
async def list_sessions(me: ReadyIdentity, services: ServicesDep) -> SessionList:
    sessions = await services.people.my_sessions.everything(me)
    return SessionList(items=[session_read(session, me.session) for session in sessions])


@router.post("/sessions/end-others", operation_id="endMyOtherSessions")
async def end_other_sessions(body: ProofInput, me: ReadyIdentity, services: ServicesDep) -> EndedRead:
    """今使っているもののほかを、全部終わらせる。"""
    return EndedRead(ended=await services.people.my_sessions.end_others(me, to_proof(body)))


@router.post("/sessions/{session_id}/end", status_code=204, operation_id="endMySession")
async def end_session(
    session_id: SessionKey, body: ProofInput, me: ReadyIdentity, services: ServicesDep
) -> None:
    await services.people.my_sessions.end(me, to_proof(body), SessionId(session_id))
