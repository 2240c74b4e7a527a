"""二段階の確かめ。"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from sqlalchemy import select, update

from harness.api import Api, field_codes, found, problem
from harness.second_factor import Authenticator, challenge, enrol
from tsubame.business.auth.setup import FirstAdmin
from tsubame.business.shared.permissions import Role
from tsubame.business.shared.secret import Secret
from tsubame.data_access.tables.audit import audit_events
from tsubame.data_access.tables.second_factor import recovery_codes, second_factors

NAME, PASSWORD = "Admin", "correct horse battery"
LOGIN = {"username": NAME, "password": PASSWORD}
COOKIE = "tsubame_refresh"
MINE = "/profile/second-factor"


@pytest.fixture
async def owner(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """パスワードで入った管理者。"""
    await api.setup.ensure_admin(FirstAdmin(NAME, Secret(PASSWORD)))
    async with api.anonymous() as client:
        token = found(await client.post("/auth/login", json=LOGIN))["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


@dataclass(frozen=True)
class Protected:
    """二段階を使っている管理者。"""

    client: httpx.AsyncClient
    phone: Authenticator
    codes: list[str]


@pytest.fixture
async def protected(api: Api, owner: httpx.AsyncClient) -> Protected:
    return Protected(owner, *await enrol(api, owner, PASSWORD))


async def actions(api: Api) -> list[str]:
    async with api.transactions.begin() as tx:
        rows = await tx.connection.execute(select(audit_events.c.action).order_by(audit_events.c.id))
        return list(rows.scalars())


async def test_enrolment_shows_the_secret_once(api: Api, owner: httpx.AsyncClient) -> None:
    """用意では鍵と QR が見え、確かめた後は、回復コード十個を一度だけ返し、もう読み返せない。"""
    begun = found(await owner.post(MINE, json={"password": PASSWORD}))
    assert begun["uri"].startswith("otpauth://totp/tsubame-ci:Admin?secret=")
    assert begun["qr"]["size"] > 20
    assert begun["qr"]["path"].startswith("M4 4h7v1H4z")
    assert found(await owner.get(MINE))["enabled_at"] is None
    phone = Authenticator(api, begun["secret"])
    assert field_codes(await owner.post(f"{MINE}/confirm", json={"code": phone.wrong()})) == {
        "code": "code_mismatch"
    }
    codes = found(await owner.post(f"{MINE}/confirm", json={"code": phone.code()}))["recovery_codes"]
    assert len(set(codes)) == 10
    status = found(await owner.get(MINE))
    assert status["enabled_at"] is not None
    assert (status["recovery_codes_left"], status["required"]) == (10, False)
    again = await owner.post(f"{MINE}/confirm", json={"code": phone.code()})
    assert problem(again, 409)["code"] == "enrolment_ended"
    async with api.transactions.begin() as tx:
        stored = str((await tx.connection.execute(select(second_factors))).all())
        stored += str((await tx.connection.execute(select(recovery_codes))).all())
    assert begun["secret"] not in stored
    assert not any(code in stored or code.replace("-", "") in stored for code in codes)


async def test_login_takes_two_steps(api: Api, protected: Protected) -> None:
    """パスワードだけでは通行証も Cookie も得られず、符号を打って初めて入れる。"""
    async with api.anonymous() as client:
        answer = await client.post("/auth/login", json=LOGIN)
        assert answer.status_code == 202
        assert "set-cookie" not in answer.headers
        half = answer.json()
        assert (set(half), half["step"]) == ({"challenge", "step", "expires_in"}, "code")
        token = await client.get("/auth/me", headers={"Authorization": f"Bearer {half['challenge']}"})
        assert problem(token, 401)["code"] == "token_invalid"
        body = {"challenge": half["challenge"], "code": protected.phone.code()}
        signed_in = found(await client.post("/auth/second-factor", json=body))
        client.headers["Authorization"] = f"Bearer {signed_in['access_token']}"
        assert found(await client.get("/auth/me"))["username"] == NAME
        assert COOKIE in client.cookies


async def test_a_code_works_once(api: Api, protected: Protected) -> None:
    """覗き見た符号は、同じ三十秒のうちでも、前の段でも、もう一度は使えない。"""
    async with api.anonymous() as client:
        code = protected.phone.code()
        first, second = await challenge(client, LOGIN), await challenge(client, LOGIN)
        found(await client.post("/auth/second-factor", json={"challenge": first["challenge"], "code": code}))
        body = {"challenge": second["challenge"], "code": code}
        assert field_codes(await client.post("/auth/second-factor", json=body)) == {"code": "code_wrong"}
        api.clock.advance(seconds=30)
        assert field_codes(await client.post("/auth/second-factor", json=body)) == {"code": "code_wrong"}
        body["code"] = protected.phone.current()
        found(await client.post("/auth/second-factor", json=body))


async def test_one_code_at_the_same_moment(api: Api, protected: Protected) -> None:
    """同じ符号で同時に来ても、入れるのは一人だけ。"""
    async with api.anonymous() as client:
        halves = [await challenge(client, LOGIN) for _ in range(4)]
        code = protected.phone.code()
        answers = await asyncio.gather(
            *(
                client.post("/auth/second-factor", json={"challenge": half["challenge"], "code": code})
                for half in halves
            )
        )
    assert sorted(answer.status_code for answer in answers) == [200, 422, 422, 422]


async def test_a_challenge_is_used_once_and_expires(api: Api, protected: Protected) -> None:
    """途中の証しは、入るのに使えば終わり、使わなくても十分で切れる。"""
    async with api.anonymous() as client:
        half = (await challenge(client, LOGIN))["challenge"]
        found(await client.post("/auth/second-factor", json={"challenge": half, "code": protected.codes[0]}))
        for spent in (half, "guess"):
            body = {"challenge": spent, "code": protected.codes[1]}
            answer = await client.post("/auth/second-factor", json=body)
            assert problem(answer, 403)["code"] == "challenge_ended"
        half = (await challenge(client, LOGIN))["challenge"]
        api.clock.advance(minutes=10)
        body = {"challenge": half, "code": protected.codes[1]}
        assert problem(await client.post("/auth/second-factor", json=body), 403)["code"] == "challenge_ended"


async def test_recovery_codes_work_once(api: Api, protected: Protected) -> None:
    """回復コードは、大文字でも区切りがなくても一度だけ使え、残りの数が減る。"""
    async with api.anonymous() as client:
        typed = protected.codes[0].upper().replace("-", "")
        body = {"challenge": (await challenge(client, LOGIN))["challenge"], "code": typed}
        found(await client.post("/auth/second-factor", json=body))
        body["challenge"] = (await challenge(client, LOGIN))["challenge"]
        assert field_codes(await client.post("/auth/second-factor", json=body)) == {"code": "code_wrong"}
    assert found(await protected.client.get(MINE))["recovery_codes_left"] == 9


async def test_guessing_is_slowed_down_but_never_for_good(api: Api, protected: Protected) -> None:
    """五度続けて間違えると待たされるが、回復コードは受け、待てば正しい符号で入れる。"""
    async with api.anonymous() as client:
        half = (await challenge(client, LOGIN))["challenge"]

        async def attempt(code: str) -> httpx.Response:
            return await client.post("/auth/second-factor", json={"challenge": half, "code": code})

        for _ in range(5):
            assert field_codes(await attempt(protected.phone.wrong())) == {"code": "code_wrong"}
        refused = await attempt(protected.phone.current())
        assert problem(refused, 429)["code"] == "codes_paused"
        assert 0 < int(refused.headers["retry-after"]) <= 31
        half = (await challenge(client, LOGIN))["challenge"]
        assert problem(await attempt(protected.phone.current()), 429)["code"] == "codes_paused"
        found(await attempt(protected.codes[0]))
        half = (await challenge(client, LOGIN))["challenge"]
        found(await attempt(protected.phone.code()))
    assert (await actions(api)).count("user.second_factor_failed") == 5


async def test_pause_grows(api: Api, protected: Protected) -> None:
    """待ちのあとも間違え続けると、待つ長さが倍になる。"""
    waits = []
    async with api.anonymous() as client:
        for _ in range(7):
            half = (await challenge(client, LOGIN))["challenge"]
            body = {"challenge": half, "code": protected.phone.wrong()}
            answer = await client.post("/auth/second-factor", json=body)
            if answer.status_code == 429:
                waits.append(int(answer.headers["retry-after"]))
                api.clock.advance(seconds=waits[-1])
    assert len(waits) == 1
    assert 28 < waits[0] <= 31
    async with api.anonymous() as client:
        half = (await challenge(client, LOGIN))["challenge"]
        body = {"challenge": half, "code": protected.phone.wrong()}
        answer = await client.post("/auth/second-factor", json=body)
        assert 31 < int(answer.headers["retry-after"]) <= 61


async def test_turning_off_needs_a_proof(api: Api, protected: Protected) -> None:
    """開いたままの画面を奪っても、パスワードまで知っていても、符号なしには外せない。"""
    client = protected.client
    for body, expected in (
        ({}, {"code": "required"}),
        ({"password": PASSWORD}, {"code": "required"}),
        ({"code": protected.phone.wrong()}, {"code": "code_wrong"}),
    ):
        assert field_codes(await client.post(f"{MINE}/disable", json=body)) == expected
    assert (await client.post(f"{MINE}/disable", json={"code": protected.phone.code()})).status_code == 204
    assert found(await client.get(MINE)) == {"enabled_at": None, "recovery_codes_left": 0, "required": False}
    token = found(await client.post("/auth/login", json=LOGIN))["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    refused = await client.post(f"{MINE}/disable", json={"password": PASSWORD})
    assert problem(refused, 409)["code"] == "second_factor_off"


async def test_a_new_phone_replaces_the_old_one(api: Api, protected: Protected) -> None:
    """乗り換えの途中は前の電話で入れ、確かめたあとは新しい電話と新しい回復コードだけが使える。"""
    client = protected.client
    begun = found(await client.post(MINE, json={"code": protected.phone.code()}))
    async with api.anonymous() as other:
        half = (await challenge(other, LOGIN))["challenge"]
        body = {"challenge": half, "code": protected.phone.code()}
        found(await other.post("/auth/second-factor", json=body))
    fresh = Authenticator(api, begun["secret"])
    found(await client.post(f"{MINE}/confirm", json={"code": fresh.code()}))
    async with api.anonymous() as other:
        half = (await challenge(other, LOGIN))["challenge"]
        for old in (protected.phone.code(), protected.codes[0]):
            body = {"challenge": half, "code": old}
            assert field_codes(await other.post("/auth/second-factor", json=body)) == {"code": "code_wrong"}
        found(await other.post("/auth/second-factor", json={"challenge": half, "code": fresh.code()}))


async def test_recovery_codes_are_renewed(protected: Protected) -> None:
    """作り直すと十個そろい、前のものは残らない。"""
    body = {"code": protected.codes[0]}
    fresh = found(await protected.client.post(f"{MINE}/recovery-codes", json=body))["recovery_codes"]
    assert set(fresh).isdisjoint(protected.codes)
    assert found(await protected.client.get(MINE))["recovery_codes_left"] == 10


async def test_an_administrator_resets_another(api: Api, protected: Protected) -> None:
    """電話をなくした人の二段階は、ほかの管理者が外せる。その人のログインは終わり、自分の分は外せない。"""
    me = found(await protected.client.get("/auth/me"))["id"]
    own = await protected.client.delete(f"/users/{me}/second-factor")
    assert problem(own, 409)["code"] == "own_second_factor"
    cookie = protected.client.cookies[COOKIE]
    async with api.client(Role.ADMIN) as other:
        assert (await other.delete(f"/users/{me}/second-factor")).status_code == 204
        again = await other.delete(f"/users/{me}/second-factor")
        assert problem(again, 409)["code"] == "second_factor_off"
        assert problem(await other.delete("/users/9999/second-factor"), 404)["code"] == "not_found"
    async with api.anonymous() as client:
        refused = await client.post("/auth/refresh", headers={"Cookie": f"{COOKIE}={cookie}"})
        assert problem(refused, 401)["code"] == "session_ended"
        found(await client.post("/auth/login", json=LOGIN))
    assert "user.second_factor_reset" in await actions(api)


async def test_a_required_role_enrols_before_anything_else(api: Api, owner: httpx.AsyncClient) -> None:
    """役割が求めると、用意のない人のログインは終わり、次は用意するまで何もできない。"""
    cookie = owner.cookies[COOKIE]
    body = {"second_factor_roles": ["admin"]}
    async with api.client(Role.ADMIN) as another, api.client(Role.EDITOR) as editor:
        assert found(await owner.put("/sign-in/policy", json=body)) == body
        assert problem(await another.get("/auth/me"), 401)["code"] == "session_ended"
        found(await editor.get("/auth/me"))
    assert found(await owner.get("/sign-in/policy")) == body
    person = found(await owner.get("/sign-in/people"))["items"][0]
    assert (person["required"], person["second_factor_since"]) == (True, None)
    async with api.anonymous() as client:
        refused = await client.post("/auth/refresh", headers={"Cookie": f"{COOKIE}={cookie}"})
        assert problem(refused, 401)["code"] == "session_ended"
        client.cookies.clear()
        half = await challenge(client, LOGIN)
        assert half["step"] == "enrol"
        skip = {"challenge": half["challenge"], "code": "123456"}
        answer = await client.post("/auth/second-factor", json=skip)
        assert problem(answer, 403)["code"] == "challenge_ended"
        path = "/auth/second-factor/enrolment"
        begun = found(await client.post(path, json={"challenge": half["challenge"]}))
        phone = Authenticator(api, begun["secret"])
        done = {"challenge": half["challenge"], "code": phone.code()}
        enrolled = found(await client.post(f"{path}/confirm", json=done))
        assert len(enrolled["recovery_codes"]) == 10
        client.headers["Authorization"] = f"Bearer {enrolled['access_token']}"
        assert found(await client.get(MINE))["required"] is True
        refused = await client.post(f"{MINE}/disable", json={"code": phone.code()})
        assert problem(refused, 409)["code"] == "second_factor_required_by_role"
        assert problem(await client.post(f"{path}/confirm", json=done), 403)["code"] == "challenge_ended"


async def test_a_role_given_later_ends_at_the_next_refresh(api: Api, owner: httpx.AsyncClient) -> None:
    """求める役割になった人も、用意がなければ、次の更新で終わる。"""
    cookie = owner.cookies[COOKIE]
    async with api.transactions.begin() as tx:
        await tx.sign_in_policy.require_roles([Role.ADMIN])
    async with api.anonymous() as client:
        refused = await client.post("/auth/refresh", headers={"Cookie": f"{COOKIE}={cookie}"})
        assert problem(refused, 401)["code"] == "session_ended"


async def test_everything_is_recorded(api: Api, protected: Protected) -> None:
    """使い始め、作り直し、決まりの変更、やめたこと、入り方が、監査記録に残る。秘密は残らない。"""
    client = protected.client
    found(await client.post(f"{MINE}/recovery-codes", json={"code": protected.codes[0]}))
    found(await client.put("/sign-in/policy", json={"second_factor_roles": ["viewer"]}))
    await client.post(f"{MINE}/disable", json={"code": protected.phone.code()})
    assert (await actions(api))[2:] == [
        "user.second_factor_enabled",
        "user.second_factor_codes_renewed",
        "sign_in.policy_changed",
        "user.second_factor_disabled",
    ]


async def test_a_lost_key_leaves_the_recovery_codes(api: Api, protected: Protected) -> None:
    """暗号の鍵を失って符号を確かめられなくても、わけを言い、回復コードなら入れる。"""
    async with api.transactions.begin() as tx:
        await tx.connection.execute(update(second_factors).values(sealed="damaged"))
    async with api.anonymous() as client:
        half = (await challenge(client, LOGIN))["challenge"]
        body = {"challenge": half, "code": protected.phone.code()}
        answer = await client.post("/auth/second-factor", json=body)
        assert problem(answer, 409)["code"] == "second_factor_unreadable"
        body["code"] = protected.codes[0]
        found(await client.post("/auth/second-factor", json=body))


async def test_a_secret_moved_to_another_person_does_not_open(api: Api, protected: Protected) -> None:
    """ほかの人の行へ写した鍵は、その人のものとしては開かない。"""
    other = await api.add_user(Role.ADMIN, "other")
    async with api.transactions.begin() as tx:
        await tx.connection.execute(update(second_factors).values(user_id=other.id))
        stolen = await tx.second_factors.find(other.id)
        assert stolen is not None
        assert stolen.sealed is not None
        check = api.services.sign_in.second_step._check
    with pytest.raises(Exception, match="cannot be read"):
        check.opened(stolen)
