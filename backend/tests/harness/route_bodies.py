"""どの道にも、型の検査を通る形の本文と問い合わせを。型の検査は、権限より先に進むため。"""

from collections.abc import Callable
from typing import Any, Final

from harness.two_projects import Things

_names = iter(range(10**9))


def fresh_name() -> str:
    return f"made-{next(_names)}"


def password_body() -> dict[str, Any]:
    return {"name": fresh_name(), "kind": "password", "password": "x"}


def variable_body() -> dict[str, Any]:
    return {"name": fresh_name().replace("-", "_"), "kind": "plain", "value": "x"}


def token_body() -> dict[str, Any]:
    return {"name": fresh_name(), "scopes": ["job:read"], "lifetime_days": 1}


def server_at(at: Things) -> dict[str, Any]:
    return {"name": fresh_name(), "host": "127.0.0.1", "username": "x", "credential_id": at.credential_id}


def provider_body() -> dict[str, Any]:
    return {
        "name": fresh_name(),
        "issuer": "https://id.example.com",
        "client_id": "x",
        "rules": [],
        "default_role": None,
        "creates_users": False,
        "trusts_second_factor": True,
        "enabled": False,
        "position": 0,
    }


POLICY: Final[dict[str, Any]] = {"archive_after_days": 7, "keep_days": 3650, "keep_executions": None}
BODIES: Final[dict[str, Callable[[Things], dict[str, Any]]]] = {
    "PUT /api/v1/me/preferences": lambda _: {"language": None, "theme": None, "time_zone": None},
    "POST /api/v1/me/password": lambda _: {"current_password": "x", "new_password": "x"},
    "POST /api/v1/me/tokens": lambda _: token_body(),
    "POST /api/v1/projects/{project_id}/tokens": lambda _: token_body() | {"role": "viewer"},
    "POST /api/v1/users": lambda _: {"username": fresh_name(), "role": "viewer"},
    "PUT /api/v1/users/{user_id}/role": lambda _: {"role": "viewer"},
    "POST /api/v1/invitations": lambda _: {"role": "viewer"},
    "POST /api/v1/profile/second-factor": lambda _: {},
    "POST /api/v1/profile/second-factor/confirm": lambda _: {"code": "000000"},
    "POST /api/v1/profile/second-factor/recovery-codes": lambda _: {},
    "POST /api/v1/profile/second-factor/disable": lambda _: {},
    "PUT /api/v1/sign-in/policy": lambda _: {"second_factor_roles": []},
    "POST /api/v1/sign-in/providers": lambda _: provider_body(),
    # どこにもつながらない住所
    "POST /api/v1/sign-in/providers/discover": lambda _: {"issuer": "https://127.0.0.1:1"},
    "PUT /api/v1/sign-in/providers/{provider_id}": lambda _: provider_body(),
    "POST /api/v1/users/{user_id}/identities": lambda _: {"provider_id": 9_999, "subject": "x"},
    "POST /api/v1/auth/sso/link": lambda _: {"provider_id": 9_999, "password": "x"},
    "POST /api/v1/profile/identities/{identity_id}/unlink": lambda _: {},
    "POST /api/v1/credentials": lambda at: password_body() | {"project_id": at.project_id},
    "POST /api/v1/credentials/generate": lambda at: {"name": fresh_name(), "project_id": at.project_id},
    "PUT /api/v1/credentials/{credential_id}": lambda _: password_body(),
    "POST /api/v1/servers": lambda at: server_at(at) | {"project_id": at.project_id},
    "PUT /api/v1/servers/{server_id}": server_at,
    "POST /api/v1/servers/{server_id}/host-key/approve": lambda _: {"fingerprint": "SHA256:x"},
    "POST /api/v1/variables": lambda at: variable_body() | {"scope": "project", "owner_id": at.project_id},
    "PUT /api/v1/variables/{variable_id}": lambda _: variable_body(),
    "POST /api/v1/jobs": lambda at: {"name": fresh_name(), "script": "", "project_id": at.project_id},
    "PUT /api/v1/jobs/{job_id}": lambda _: {"name": fresh_name(), "script": ""},
    "POST /api/v1/jobs/{job_id}/duplicate": lambda _: {"name": fresh_name()},
    "POST /api/v1/servers/resolve": lambda at: {"selector": "web", "server_ids": [at.server_id]},
    "POST /api/v1/commands": lambda at: {
        "command": "true",
        "selector": "web",
        "project_id": at.project_id,
    },
    "PATCH /api/v1/queue/{execution_id}": lambda _: {"priority": 1},
    "POST /api/v1/projects": lambda _: {"name": fresh_name()},
    "PUT /api/v1/projects/{project_id}": lambda _: {"name": fresh_name()},
    "PUT /api/v1/projects/{project_id}/members/{user_id}": lambda _: {"role": "viewer"},
    "PUT /api/v1/limits": lambda _: {"max_parallel": None},
    "PUT /api/v1/audit/retention": lambda _: {"keep_days": 30},
    "POST /api/v1/storage/preview": lambda at: {"scope": "job", "id": at.job_id, "policy": POLICY},
    "PUT /api/v1/storage/policies/global": lambda _: POLICY,
    "PUT /api/v1/storage/policies/projects/{project_id}": lambda _: POLICY,
    "PUT /api/v1/storage/policies/jobs/{job_id}": lambda _: POLICY,
}
QUERIES: Final[dict[str, str]] = {
    "GET /api/v1/variables": "scope=global",
    "GET /api/v1/permissions/explain": "user_id={user_id}&permission=job:write&project_id={project_id}",
    "GET /api/v1/targets/{target_id}/log/search": "q=x",
    "GET /api/v1/executions/{execution_id}/log/search": "q=x",
    "GET /api/v1/jobs/{job_id}/log/search": "q=x",
}
