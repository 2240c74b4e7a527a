from dataclasses import replace

from fastapi import APIRouter, Request, Response

from tsubame.business.auth.setup import FirstAdmin
from tsubame.business.shared.errors import InvalidInputError
from tsubame.business.shared.secret import Secret
from tsubame.presentation.http.dependencies import ClientDep, ServicesDep, problems
from tsubame.presentation.http.routes.auth import deliver
from tsubame.presentation.http.same_site import refuse_cross_site
from tsubame.presentation.http.schemas.auth import AccessTokenRead, SetupInput, SetupState

router = APIRouter(tags=["setup"])


@router.get("/setup", operation_id="getSetup", responses=problems())
async def get_setup(services: ServicesDep) -> SetupState:
    needed = await services.setup.needed()
    return SetupState(needed=needed, practice_available=needed and services.practice is not None)


@router.post("/setup", status_code=201, operation_id="setup", responses=problems())
async def set_up(
    body: SetupInput, request: Request, response: Response, client: ClientDep, services: ServicesDep
) -> AccessTokenRead:
    refuse_cross_site(request)
    if body.practice and services.practice is None:
        # 管理者を作ったあとで断ると、やり直せなくなる
        raise InvalidInputError.one(
            "practice", "practice_unavailable", "The practice server is not available here."
        )
    admin = FirstAdmin(body.username, Secret(body.password.get_secret_value()))
    signed_in = await services.setup.set_up(body.token, admin, client)
    if body.practice and services.practice is not None:
        await services.practice.install(replace(signed_in.user.as_actor(), address=client.address))
    return deliver(request, response, signed_in)
