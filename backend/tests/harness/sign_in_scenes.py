"""ログインと入り方の、うまくいく場面。"""

from typing import Any, Final

from harness.api import found
from harness.oidc import at_the_provider
from harness.scenes import PASSWORD, Call, Scene, World, login_scene, simply
from harness.second_factor import Authenticator, challenge, enrol
from harness.sso import add_provider, set_off
from tsubame.business.shared.permissions import Role


async def person_scene(world: World) -> Call:
    """パスワードで入った人。"""
    call = await login_scene(world)
    token = found(await call.client.post("/auth/login", json=call.body))["access_token"]
    call.client.headers["Authorization"] = f"Bearer {token}"
    return call


async def protected_scene(world: World) -> Call:
    """二段階を使っている人。本文は、使える符号。"""
    call = await person_scene(world)
    phone, _ = await enrol(world.api, call.client, PASSWORD)
    return Call(call.client, {"code": phone.code()})


async def second_step_scene(world: World) -> Call:
    call = await protected_scene(world)
    half = await challenge(call.client, {"username": "First", "password": PASSWORD})
    return Call(call.client, {"challenge": half["challenge"], **(call.body or {})})


async def enrolled_scene(world: World) -> Call:
    call = await person_scene(world)
    begun = found(await call.client.post("/profile/second-factor", json={"password": PASSWORD}))
    return Call(call.client, {"code": Authenticator(world.api, begun["secret"]).code()})


async def required_scene(world: World) -> Call:
    call = await login_scene(world)
    found(await (await world.admin()).put("/sign-in/policy", json={"second_factor_roles": ["admin"]}))
    half = {"challenge": (await challenge(call.client, call.body or {}))["challenge"]}
    begun = found(await call.client.post("/auth/second-factor/enrolment", json=half))
    return Call(call.client, {**half, "code": Authenticator(world.api, begun["secret"]).code()})


async def reset_scene(world: World) -> Call:
    call = await protected_scene(world)
    user_id = found(await call.client.get("/auth/me"))["id"]
    return Call(await world.admin(), None, {"user_id": user_id})


async def sso_scene(world: World) -> Call:
    """提供者で名乗って、戻ってきたところ。"""
    browser = await world.anyone()
    provider = await add_provider(await world.admin(), world.oidc, default_role="viewer")
    world.oidc.set_users(yuki=[])
    async with at_the_provider(await set_off(browser, provider), "yuki") as answer:
        return Call(browser, answer)


async def linking_scene(world: World) -> Call:
    admin = await world.admin()
    provider = await add_provider(admin, world.oidc)
    user = await world.api.add_user(Role.VIEWER, "worker")
    return Call(admin, {"provider_id": provider, "subject": "yuki"}, {"user_id": user.id})


async def linked_scene(world: World) -> Call:
    call = await linking_scene(world)
    await call.client.post(f"/users/{call.params['user_id']}/identities", json=call.body)
    (identity,) = found(await call.client.get("/sign-in/identities"))["items"]
    return Call(call.client, None, {**call.params, "identity_id": identity["id"]})


async def own_link_scene(world: World) -> Call:
    call = await person_scene(world)
    provider = await add_provider(call.client, world.oidc)
    me = found(await call.client.get("/auth/me"))["id"]
    link = {"provider_id": provider, "subject": "yuki"}
    await call.client.post(f"/users/{me}/identities", json=link)
    (identity,) = found(await call.client.get("/profile/identities"))["items"]
    return Call(call.client, {"password": PASSWORD}, {"identity_id": identity["id"]})


def on_provider(**changes: Any) -> Scene:
    async def scene(world: World) -> Call:
        admin = await world.admin()
        provider = await add_provider(admin, world.oidc)
        body = world.oidc.settings(**changes) if changes else None
        return Call(admin, body, {"provider_id": provider})

    return scene


async def new_provider_scene(world: World) -> Call:
    return Call(await world.admin(), world.oidc.settings())


SIGN_IN_SCENES: Final[dict[str, Scene]] = {
    "POST /api/v1/auth/sso/finish": sso_scene,
    "POST /api/v1/sign-in/providers": new_provider_scene,
    "PUT /api/v1/sign-in/providers/{provider_id}": on_provider(name="Renamed"),
    "DELETE /api/v1/sign-in/providers/{provider_id}": on_provider(),
    "POST /api/v1/users/{user_id}/identities": linking_scene,
    "DELETE /api/v1/users/{user_id}/identities/{identity_id}": linked_scene,
    "POST /api/v1/profile/identities/{identity_id}/unlink": own_link_scene,
    "POST /api/v1/auth/second-factor": second_step_scene,
    "POST /api/v1/auth/second-factor/enrolment/confirm": required_scene,
    "POST /api/v1/profile/second-factor/confirm": enrolled_scene,
    "POST /api/v1/profile/second-factor/recovery-codes": protected_scene,
    "POST /api/v1/profile/second-factor/disable": protected_scene,
    "DELETE /api/v1/users/{user_id}/second-factor": reset_scene,
    "PUT /api/v1/sign-in/policy": simply(second_factor_roles=["admin"]),
}
