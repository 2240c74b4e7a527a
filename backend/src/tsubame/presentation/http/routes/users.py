"""利用者の道。自分のことは ``me.py``。"""

from fastapi import APIRouter

from tsubame.business.shared.ids import UserId
from tsubame.business.users.creation import Handed
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import CurrentActor, ServicesDep, problems
from tsubame.presentation.http.schemas.users import (
    AccountInput,
    AccountList,
    AccountRead,
    EndedRead,
    HandedRead,
    RoleInput,
    UserOption,
    UserOptions,
    account_read,
)

router = APIRouter(prefix="/users", tags=["users"], responses=problems())


@router.get("", operation_id="listUsers")
async def list_users(actor: CurrentActor, services: ServicesDep) -> UserOptions:
    """名前だけ。だれでも読める。"""
    users = await services.users.everyone(actor)
    return UserOptions(items=[UserOption(id=user.id, username=user.username) for user in users])


@router.post("", status_code=201, operation_id="createUser")
async def create_user(body: AccountInput, actor: CurrentActor, services: ServicesDep) -> HandedRead:
    """一度きりのパスワードで入れる利用者を作る。"""
    return _handed(await services.people.creation.create(actor, body.username, body.role))


@router.get("/accounts", operation_id="listAccounts")
async def list_accounts(actor: CurrentActor, services: ServicesDep) -> AccountList:
    """役割、出入り、最後に見えた時まで含めた名簿。"""
    return AccountList(items=[account_read(user) for user in await services.users.accounts(actor)])


@router.get("/{user_id}", operation_id="getAccount")
async def get_account(user_id: RowId, actor: CurrentActor, services: ServicesDep) -> AccountRead:
    return account_read(await services.users.account(actor, UserId(user_id)))


@router.delete("/{user_id}", status_code=204, operation_id="deleteUser")
async def delete_user(user_id: RowId, actor: CurrentActor, services: ServicesDep) -> None:
    await services.users.delete(actor, UserId(user_id))


@router.put("/{user_id}/role", operation_id="setUserRole")
async def set_user_role(
    user_id: RowId, body: RoleInput, actor: CurrentActor, services: ServicesDep
) -> AccountRead:
    return account_read(await services.users.set_role(actor, UserId(user_id), body.role))


@router.post("/{user_id}/disable", operation_id="disableUser")
async def disable_user(user_id: RowId, actor: CurrentActor, services: ServicesDep) -> AccountRead:
    return account_read(await services.users.disable(actor, UserId(user_id)))


@router.post("/{user_id}/enable", operation_id="enableUser")
async def enable_user(user_id: RowId, actor: CurrentActor, services: ServicesDep) -> AccountRead:
    return account_read(await services.users.enable(actor, UserId(user_id)))


@router.post("/{user_id}/reset-password", operation_id="resetPassword")
async def reset_password(user_id: RowId, actor: CurrentActor, services: ServicesDep) -> HandedRead:
    """新しい一度きりのパスワードにし、今のログインを全部終わらせる。"""
    return _handed(await services.people.creation.reset_password(actor, UserId(user_id)))


@router.post("/{user_id}/demand-new-password", operation_id="demandNewPassword")
async def demand_new_password(user_id: RowId, actor: CurrentActor, services: ServicesDep) -> AccountRead:
    """パスワードを替えるまで、ほかのことをさせない。"""
    return account_read(await services.users.demand_new_password(actor, UserId(user_id)))


@router.post("/{user_id}/end-sessions", operation_id="endSessionsOfUser")
async def end_sessions(user_id: RowId, actor: CurrentActor, services: ServicesDep) -> EndedRead:
    return EndedRead(ended=await services.users.end_sessions(actor, UserId(user_id)))


def _handed(handed: Handed) -> HandedRead:
    return HandedRead(account=account_read(handed.user), one_time_password=handed.password.reveal())
