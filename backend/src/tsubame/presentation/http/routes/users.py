from fastapi import APIRouter

from tsubame.presentation.http.dependencies import CurrentActor, ServicesDep, problems
from tsubame.presentation.http.schemas.auth import UserOption, UserOptions

router = APIRouter(prefix="/users", tags=["users"])


@router.get("", operation_id="listUsers", responses=problems())
async def list_users(actor: CurrentActor, services: ServicesDep) -> UserOptions:
    users = await services.users.everyone(actor)
    return UserOptions(items=[UserOption(id=user.id, username=user.username) for user in users])
