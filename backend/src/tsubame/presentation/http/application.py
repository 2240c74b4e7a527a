"""API の FastAPI アプリケーション。道はここに全部並ぶ。"""

from fastapi import FastAPI

from tsubame import __version__
from tsubame.presentation.http import errors
from tsubame.presentation.http.openapi import TITLE
from tsubame.presentation.http.routes import (
    audit,
    auth,
    credentials,
    dashboard,
    execution_outputs,
    executions,
    health,
    identity_providers,
    invitations,
    jobs,
    log_search,
    me,
    merged_log,
    permissions,
    projects,
    queue,
    second_factor,
    security_txt,
    server_runs,
    servers,
    setup,
    sso,
    storage,
    target_logs,
    tokens,
    users,
    variables,
    workers,
)

API_ROOT = "/api/v1"
_ROOMS = (
    setup,
    auth,
    second_factor,
    sso,
    identity_providers,
    credentials,
    servers,
    server_runs,
    variables,
    jobs,
    executions,
    execution_outputs,
    queue,
    target_logs,
    log_search,
    merged_log,
    dashboard,
    storage,
    workers,
    users,
    projects,
    permissions,
    audit,
    invitations,
    me,
    tokens,
)


def create_api() -> FastAPI:
    """HTTP の道だけのアプリケーション。動かす前に ``app.state.services`` へ ``HttpServices`` を置くこと。"""
    # 文書の頁は外の CDN を読みに行くので出さない。文書そのものは `tsubame openapi` が出す
    app = FastAPI(
        title=TITLE, version=__version__, openapi_url=None, docs_url=None, redoc_url=None,
        separate_input_output_schemas=True, redirect_slashes=False,
    )  # fmt: skip
    errors.install(app)
    app.include_router(health.router)
    app.include_router(security_txt.router)
    for room in _ROOMS:
        app.include_router(room.router, prefix=API_ROOT)
    log_search.add_search_messages(app)
    return app
