"""組み上がった画面を出す。"""

import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from harness.api import Api, problem

PAGE = "<!doctype html><title>tsubame</title>"
NONCE = '<meta property="csp-nonce" nonce="TSUBAME_CSP_NONCE" />'
SCRIPT = "console.log('つばめ')" * 100


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """組み上がった画面に似た置き場。外側に、見えてはいけないファイルがある。"""
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text(PAGE)
    (dist / "favicon.svg").write_text("<svg/>")
    (dist / "assets" / "index-abc123.js").write_text(SCRIPT)
    (dist / "assets" / "index-abc123.js.map").write_text("{}")
    (tmp_path / "secret.txt").write_text("secret")
    return dist


@pytest.fixture
async def browser(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with api.anonymous() as client:
        client.base_url = httpx.URL("http://tsubame.test")
        yield client


@pytest.mark.usefixtures("dist")
@pytest.mark.parametrize("path", ["/", "/jobs/5", "/setup?token=x", "/index.html", "/apiary", "/日本"])
async def test_every_page_address_opens_the_app(browser: httpx.AsyncClient, path: str) -> None:
    """どの頁の住所を直に開いても index.html が返り、いつも新しいか確かめさせる。"""
    answer = await browser.get(path)
    assert (answer.status_code, answer.text) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.usefixtures("dist")
async def test_hashed_assets_are_kept_forever(browser: httpx.AsyncClient) -> None:
    """名前にハッシュを含む部品は、圧縮して、ずっと溜め置かせて渡す。"""
    answer = await browser.get("/assets/index-abc123.js")
    assert answer.text == SCRIPT
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert int(answer.headers["content-length"]) == len(gzip.compress(SCRIPT.encode(), 9, mtime=0))
    plain = await browser.get("/assets/index-abc123.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == SCRIPT


@pytest.mark.usefixtures("dist")
@pytest.mark.parametrize("path", ["/assets/index-old999.js", "/assets/index-abc123.js.map"])
async def test_missing_assets_are_not_the_page(browser: httpx.AsyncClient, path: str) -> None:
    """前の版の部品は 404 にする。頁を返すと、スクリプトとして読まれて壊れる。"""
    assert (await browser.get(path)).status_code == 404


@pytest.mark.usefixtures("dist")
@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/%00"]
)
async def test_nothing_outside_is_served(browser: httpx.AsyncClient, path: str) -> None:
    """置き場の外のファイルは、どう書いても出ない。"""
    assert "secret" not in (await browser.get(path)).text


async def test_page_policy_allows_nothing_inline(browser: httpx.AsyncClient, dist: Path) -> None:
    """頁の方針は、行の中のスクリプトもスタイルも許さず、印は頁を出すたびに替わる。"""
    (dist / "index.html").write_text(PAGE + NONCE)
    nonces = set()
    for path in ("/", "/jobs/5", "/"):
        answer = await browser.get(path)
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self'")
        assert (policy["base-uri"], policy["frame-ancestors"]) == ("'none'", "'none'")
        ours, nonce = policy["style-src"].split()
        assert ours == "'self'"
        assert answer.text == PAGE + NONCE.replace("TSUBAME_CSP_NONCE", nonce[len("'nonce-") : -1])
        nonces.add(nonce)
    assert len(nonces) == 3


@pytest.mark.usefixtures("dist")
async def test_unchanged_assets_are_not_sent_again(browser: httpx.AsyncClient) -> None:
    """変わっていない部品は、印(ETag)だけを返す。"""
    first = await browser.get("/favicon.svg")
    again = await browser.get("/favicon.svg", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_new_build_is_served_at_once(browser: httpx.AsyncClient, dist: Path) -> None:
    """組み立て直した画面は、起動し直さなくても次の頁から出る。"""
    await browser.get("/")
    index = dist / "index.html"
    index.write_text("new")
    os.utime(index, ns=(1, 1))
    assert (await browser.get("/")).text == "new"


@pytest.mark.usefixtures("dist")
async def test_only_reading(browser: httpx.AsyncClient) -> None:
    """頁への書き込みのメソッドは断り、HEAD は中身なしで応える。"""
    assert (await browser.post("/")).status_code == 405
    head = await browser.head("/")
    assert (head.status_code, head.content, head.headers["cache-control"]) == (200, b"", "no-cache")


async def test_without_a_build(browser: httpx.AsyncClient) -> None:
    """画面がまだ組み上がっていなければ、何をすればよいかを一文で言い、API は動く。"""
    answer = await browser.get("/")
    assert answer.status_code == 503
    assert "have not been built" in answer.text
    assert problem(await browser.get("/api/v1/jobs"), 401)["code"] == "unauthenticated"
