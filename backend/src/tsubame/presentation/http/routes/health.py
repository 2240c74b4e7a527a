"""見張りのための道。ログインは要らず、事実は「生きている」「働ける」の一語だけを言う。"""

from fastapi import APIRouter

from tsubame.presentation.http.dependencies import ServicesDep

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(services: ServicesDep) -> dict[str, str]:
    await services.readiness.check()
    return {"status": "ok"}
