"""直接は届かないサーバで、別の利用者として走る旅。"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.journey import Journey
from harness.product import Product
from harness.sshd import ME, PASSWORD, Sshd, ensure_user, start_sshd

_RULE = Path("/etc/sudoers.d/tsb-test-journey")


@pytest.fixture
def sudoers() -> Iterator[None]:
    """tsbjourney は、パスワードを言えば tsbapp になれる。"""
    ensure_user("tsbjourney")
    ensure_user("tsbapp")
    draft = _RULE.with_suffix(".draft")
    draft.write_text("tsbjourney ALL=(tsbapp) /bin/sh\n", encoding="utf-8")
    draft.chmod(0o440)
    draft.replace(_RULE)
    yield
    _RULE.unlink()


async def test_through_a_jump_and_sudo(product: Product, sshd: Sshd, sudoers: None) -> None:
    """踏み台の先で sudo して走り、ログに sudo のパスワードは残らない。踏み台が戻れば、切れた続きも届く。"""
    bastion = await start_sshd()
    async with product.client() as client:
        journey = Journey(client)
        jump = await journey.add_server(bastion, ME, name="bastion")
        inner = await journey.add_server(
            sshd,
            "tsbjourney",
            name="inner",
            jump_server_id=jump,
            sudo_user="tsbapp",
            sudo_credential_id=await journey.add_password(PASSWORD),
        )
        script = f"id -un; echo 'the password is {PASSWORD}'; sleep 3; echo end"
        execution = await journey.start(await journey.add_job(script, [inner]))
        target = execution["targets"][0]["id"]
        await journey.log_contains(target, b"the password")
        await bastion.stop()
        await bastion.start()
        ended = await journey.ended(execution["id"])
        assert ended["state"] == "succeeded", ended["targets"]
        log = await journey.log(target)
        assert log.startswith(b"tsbapp\nthe password is ")
        assert log.endswith(b"\nend\n")
        assert PASSWORD.encode() not in log
    await bastion.stop()


async def test_failure_at_a_jump_is_named(product: Product, sshd: Sshd) -> None:
    """踏み台の鍵が変わって届かない実行は、どの踏み台かを言い、その踏み台の画面に新しい鍵を出す。"""
    bastion = await start_sshd()
    async with product.client() as client:
        journey = Journey(client)
        jump = await journey.add_server(bastion, ME, name="bastion")
        inner = await journey.add_server(sshd, ME, name="inner", jump_server_id=jump)
        await bastion.stop()
        fresh = bastion.replace_host_key()
        await bastion.start()
        target = (await journey.run(await journey.add_job("echo hi", [inner])))["targets"][0]
        assert (target["state"], target["reason"]) == ("failed", "host_key_changed")
        assert "jump server 'bastion-" in target["detail"]
        shown = await journey.call("GET", f"/servers/{jump}")
        assert shown["offered_host_key"]["fingerprint"] == fresh.fingerprint
        assert (await journey.call("GET", f"/servers/{inner}"))["host_key_state"] == "pinned"
    await bastion.stop()
