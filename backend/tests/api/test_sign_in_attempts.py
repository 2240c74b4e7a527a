"""当てずっぽうを遅くし、本人は締め出さない(ADR 0022)。"""

import asyncio

import httpx
import pytest
from sqlalchemy import func, select

from harness.api import Api, found, problem
from tsubame.business.auth.setup import FirstAdmin
from tsubame.business.shared.secret import Secret
from tsubame.data_access.tables.attempts import sign_in_attempts

NAME, PASSWORD = "Admin", "correct horse battery"
DEVICE = "tsubame_device"


@pytest.fixture(autouse=True)
async def owner(api: Api) -> None:
    await api.setup.ensure_admin(FirstAdmin(NAME, Secret(PASSWORD)))


async def attempt(
    client: httpx.AsyncClient, password: str = "guess guess", name: str = NAME
) -> httpx.Response:
    return await client.post("/auth/login", json={"username": name, "password": password})


async def guess_until_blocked(client: httpx.AsyncClient, name: str = NAME) -> int:
    """断られるまで間違え続け、待たずに試せた数を返す。"""
    for count in range(100):
        if (await attempt(client, name=name)).status_code == httpx.codes.TOO_MANY_REQUESTS:
            return count
    pytest.fail("いつまでも試せる")


@pytest.mark.parametrize("name", [NAME, "nobody"])
async def test_guessing_is_slowed(api: Api, name: str) -> None:
    """続けて間違えると、待つ秒数とともに断られる。いない名前でも、同じところから。"""
    async with api.anonymous() as client:
        assert await guess_until_blocked(client, name) == 6
        refused = await attempt(client, name=name)
        body = problem(refused, 429)
        assert body["code"] == "too_many_attempts"
        assert body["params"] == {"retry_after_s": int(refused.headers["retry-after"])}
        assert 1 <= body["params"]["retry_after_s"] <= 2


async def test_right_password_waits_too(api: Api) -> None:
    """待たされているあいだは、合っていても照らさない。待てば入れて、数は消える。"""
    async with api.anonymous() as client:
        await guess_until_blocked(client)
        assert problem(await attempt(client, PASSWORD), 429)["code"] == "too_many_attempts"
        api.clock.advance(seconds=3)
        found(await attempt(client, PASSWORD))
        client.cookies.clear()
        assert await guess_until_blocked(client) == 6


async def test_a_burst_counts_before_it_is_checked(api: Api) -> None:
    """同時に送っても、待たせない数より多くは照らされない。"""
    async with api.anonymous() as client:
        answers = await asyncio.gather(*(attempt(client) for _ in range(20)))
    codes = [answer.status_code for answer in answers]
    assert (codes.count(401), codes.count(429)) == (6, 14)


async def test_known_device_is_not_locked_out_by_strangers(api: Api) -> None:
    """よその人がどれだけ間違えても、前に入った端末からは、すぐに入れる。"""
    async with api.anonymous() as mine, api.anonymous() as stranger:
        found(await attempt(mine, PASSWORD))
        cookie = mine.cookies[DEVICE]
        for _ in range(12):
            await guess_until_blocked(stranger)
            api.clock.advance(minutes=16)
        await guess_until_blocked(stranger)
        mine.cookies.clear()
        problem(await attempt(mine, PASSWORD), 429)
        mine.headers["Cookie"] = f"{DEVICE}={cookie}"
        found(await attempt(mine, PASSWORD))


async def test_guesses_from_elsewhere_cost_a_minute_at_most(api: Api) -> None:
    """よその所から間違え続ける人がいても、はじめての端末の本人は、待っても一分で入れる。"""
    async with api.anonymous() as mine:
        for number in range(41):
            async with api.anonymous(address=f"203.0.113.{number}") as stranger:
                answer = await attempt(stranger)
            if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                api.clock.advance(seconds=int(answer.headers["retry-after"]))
        waits = problem(await attempt(mine, PASSWORD), 429)["params"]["retry_after_s"]
        assert waits <= 60
        api.clock.advance(seconds=waits)
        found(await attempt(mine, PASSWORD))


async def test_known_device_has_its_own_limit(api: Api) -> None:
    """前に入った端末からの当てずっぽうも、別の数え先で遅くなる。"""
    async with api.anonymous() as client:
        found(await attempt(client, PASSWORD))
        assert await guess_until_blocked(client) == 11


@pytest.mark.parametrize("mark", ["", "1.00.00", "not a mark"])
async def test_a_made_up_mark_is_a_stranger(api: Api, mark: str) -> None:
    """作りものの印や、ほかの人の印では、知らない端末と同じに数える。"""
    async with api.anonymous() as client:
        client.headers["Cookie"] = f"{DEVICE}={mark}"
        assert await guess_until_blocked(client) == 6


async def test_the_mark_belongs_to_one_person(api: Api) -> None:
    """自分の印を持っていても、ほかの人の名前では、知らない端末と同じに数える。"""
    async with api.anonymous() as client:
        found(await attempt(client, PASSWORD))
        assert await guess_until_blocked(client, "nobody") == 6


async def test_the_mark_is_locked_down(api: Api) -> None:
    """印の Cookie は JavaScript から読めず、認証の道にだけ届き、それだけでは入れない。"""
    async with api.anonymous() as client:
        answer = await attempt(client, PASSWORD)
        cookie = next(
            value for value in answer.headers.get_list("set-cookie") if value.startswith(f"{DEVICE}=")
        )
        assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/api/v1/auth"))
        mark = client.cookies[DEVICE]
        client.cookies.clear()
        client.headers["Cookie"] = f"{DEVICE}={mark}"
        assert problem(await client.post("/auth/refresh"), 401)["code"] == "session_ended"
        assert problem(await attempt(client), 401)["code"] == "bad_credentials"


async def test_one_address_trying_many_names_is_slowed(api: Api) -> None:
    """名前を替えながらでも、一つの住所からは限りがある。"""
    async with api.anonymous() as client:
        answers = await asyncio.gather(*(attempt(client, name=f"name{number}") for number in range(60)))
    codes = [answer.status_code for answer in answers]
    assert codes.count(429) == 9


async def test_waits_are_capped(api: Api) -> None:
    """何十回間違え続けても、待つのは十五分まで。締め出したままにはならない。"""
    async with api.anonymous() as client:
        for _ in range(30):
            await guess_until_blocked(client)
            api.clock.advance(minutes=15)
        await guess_until_blocked(client)
        assert problem(await attempt(client, PASSWORD), 429)["params"]["retry_after_s"] <= 900
        api.clock.advance(minutes=15)
        found(await attempt(client, PASSWORD))


async def test_old_tallies_are_pruned(api: Api) -> None:
    """静かになった数え先は、次に誰かが試すときに捨てる。"""
    async with api.anonymous() as client:
        for number in range(3):
            await attempt(client, name=f"name{number}")
        api.clock.advance(hours=1)
        await attempt(client, name="last")
    async with api.transactions.look() as tx:
        count = await tx.connection.execute(select(func.count()).select_from(sign_in_attempts))
        assert count.scalar_one() == 3


async def test_own_password_cannot_be_guessed_from_an_open_screen(api: Api) -> None:
    """開いたままの画面を奪っても、今のパスワードを当て続けることはできない。"""
    async with api.anonymous() as client:
        token = found(await attempt(client, PASSWORD))["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        body = {"current_password": "guess guess", "new_password": "four random words here"}
        answers = [await client.post("/me/password", json=body) for _ in range(7)]
        assert [answer.status_code for answer in answers] == [422] * 6 + [429]
