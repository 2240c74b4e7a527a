"""ログの道。"""

from urllib.parse import unquote

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.api import Api, created, problem
from harness.logs import LogRoom
from tsubame.business.shared.permissions import Role
from tsubame.presentation.http.byte_ranges import attachment

LOG = b"one\n\x1b[31mtwo\xff\n" + "三\n".encode() * 500 + b"tail"
LINES = ["X-Log-First-Line", "X-Log-Line-Count", "X-Log-First-Byte", "X-Log-Bytes", "X-Log-Lines"]


@pytest.fixture
async def target(engine: AsyncEngine, database_url: str) -> int:
    return await LogRoom(database_url, engine).write(LOG)


async def test_whole_log_is_the_same_bytes(admin: httpx.AsyncClient, target: int) -> None:
    """ログ全体は、書かれたバイト列そのままで、ブラウザに種類を当てさせない。"""
    answer = await admin.get(f"/targets/{target}/log")
    assert (answer.status_code, answer.content) == (200, LOG)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-length"] == str(len(LOG))


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=3-9", 3, 10),
        ("bytes=10-", 10, len(LOG)),
        ("bytes=-7", len(LOG) - 7, len(LOG)),
        ("bytes=-999999", 0, len(LOG)),
        ("bytes=5-999999", 5, len(LOG)),
    ],
)
async def test_single_range(admin: httpx.AsyncClient, target: int, wanted: str, start: int, end: int) -> None:
    """一つの範囲は、その部分だけが 206 で返る。"""
    answer = await admin.get(f"/targets/{target}/log", headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (206, LOG[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(LOG)}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("wanted", [f"bytes={len(LOG)}-", "bytes=-0", "bytes=99999-100000"])
async def test_range_outside_is_416(admin: httpx.AsyncClient, target: int, wanted: str) -> None:
    """中身の外の範囲は 416 で、今の長さを教える。"""
    answer = await admin.get(f"/targets/{target}/log", headers={"Range": wanted})
    assert problem(answer, 416)["code"] == "range_not_satisfiable"
    assert answer.headers["content-range"] == f"bytes */{len(LOG)}"


@pytest.mark.parametrize("wanted", ["bytes=0-1,3-4", "lines=1-2", "bytes=9-3", "bytes=-", "bytes=x"])
async def test_unreadable_range_gives_everything(admin: httpx.AsyncClient, target: int, wanted: str) -> None:
    """読めない範囲や二つ以上の範囲は、なかったものとして全体を返す(RFC 9110 14.2)。"""
    answer = await admin.get(f"/targets/{target}/log", headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (200, LOG)


async def test_if_range_never_matches(admin: httpx.AsyncClient, target: int) -> None:
    """版の印を出していないので、If-Range の付いた求めには全体を返す。"""
    answer = await admin.get(f"/targets/{target}/log", headers={"Range": "bytes=0-1", "If-Range": '"x"'})
    assert (answer.status_code, answer.content) == (200, LOG)


async def test_empty_log(admin: httpx.AsyncClient, engine: AsyncEngine, database_url: str) -> None:
    """まだ何も出ていないログは、空の 200。範囲を求めれば 416。"""
    target = await LogRoom(database_url, engine).target()
    answer = await admin.get(f"/targets/{target}/log")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert (await admin.get(f"/targets/{target}/log", headers={"Range": "bytes=0-"})).status_code == 416
    lines = await admin.get(f"/targets/{target}/log/lines")
    assert [lines.headers[name] for name in LINES] == ["1", "0", "0", "0", "0"]


async def test_lines_tell_where_they_are(admin: httpx.AsyncClient, target: int) -> None:
    """行の求めは、行の番号・位置・全体の長さを見出しで教える。"""
    answer = await admin.get(f"/targets/{target}/log/lines", params={"from": 2, "count": 2})
    assert answer.content == b"\x1b[31mtwo\xff\n" + "三\n".encode()
    assert [answer.headers[name] for name in LINES] == ["2", "2", "4", str(len(LOG)), "503"]
    assert answer.headers["x-log-truncated-lines"] == "0"
    last = await admin.get(f"/targets/{target}/log/lines", params={"from": 503, "count": 2000})
    assert (last.content, last.headers["x-log-line-count"]) == (b"tail", "1")


@pytest.mark.parametrize("query", ["from=0", "count=0", "count=2001", "from=x"])
async def test_lines_refuse_nonsense(admin: httpx.AsyncClient, target: int, query: str) -> None:
    """数えられない行や、多すぎる行の求めは断る。"""
    assert problem(await admin.get(f"/targets/{target}/log/lines?{query}"), 422)["code"] == "invalid_input"


async def test_unknown_target(admin: httpx.AsyncClient) -> None:
    """ない対象のログは、どの道でも 404。"""
    for address in ("log", "log/lines"):
        assert problem(await admin.get(f"/targets/999/{address}"), 404)["code"] == "target_not_found"
    answer = await admin.post("/targets/999/log/download-ticket")
    assert problem(answer, 404)["code"] == "target_not_found"


async def test_login_is_needed(api: Api, target: int) -> None:
    """ログインしていなければ、どの道も通らない。"""
    async with api.anonymous() as visitor:
        for address in ("log", "log/lines"):
            problem(await visitor.get(f"/targets/{target}/{address}"), 401)
        problem(await visitor.post(f"/targets/{target}/log/download-ticket"), 401)
        refused = await visitor.get(f"/targets/{target}/log/download?ticket=guess")
        assert problem(refused, 403)["code"] == "download_ticket_invalid"


async def test_viewer_may_read(api: Api, target: int) -> None:
    """見るだけの役割でも、ログは読める。"""
    async with api.client(Role.VIEWER) as viewer:
        assert (await viewer.get(f"/targets/{target}/log")).content == LOG


async def test_ticket_downloads_once_without_login(api: Api, admin: httpx.AsyncClient, target: int) -> None:
    """券があれば、ログインなしで一度だけ、名前の付いたファイルとして受け取れる。"""
    url = created(await admin.post(f"/targets/{target}/log/download-ticket"))["url"]
    async with api.anonymous() as browser:
        answer = await browser.get(httpx.URL(browser.base_url).join(url))
        assert (answer.status_code, answer.content) == (200, LOG)
        name = unquote(answer.headers["content-disposition"].partition("filename*=UTF-8''")[2])
        assert name.startswith("夜間_backup-")
        assert name.endswith("-web-1.log")
        again = await browser.get(httpx.URL(browser.base_url).join(url))
        assert problem(again, 403)["code"] == "download_ticket_invalid"


async def test_ticket_expires_and_fits_one_target(api: Api, admin: httpx.AsyncClient, target: int) -> None:
    """券は六十秒で切れ、ほかの対象には使えない。"""
    async with api.anonymous() as browser:
        url = created(await admin.post(f"/targets/{target}/log/download-ticket"))["url"]
        other = url.replace(f"/targets/{target}/", f"/targets/{target + 1}/")
        problem(await browser.get(httpx.URL(browser.base_url).join(other)), 403)
        url = created(await admin.post(f"/targets/{target}/log/download-ticket"))["url"]
        api.clock.advance(seconds=61)
        problem(await browser.get(httpx.URL(browser.base_url).join(url)), 403)


@pytest.mark.parametrize(
    ("part", "plain"),
    [
        ('../../etc/"passwd"', "_.._etc__passwd_"),
        ("a\r\nSet-Cookie: x", "a__Set-Cookie_ x"),
        ("100%", "100_"),
        ("\u202efdp.exe", "_fdp.exe"),
        ("名前", "__"),
    ],
)
def test_file_name_is_safe(part: str, plain: str) -> None:
    """名前に何が入っていても、見出しも置き場所も乗っ取れない。"""
    value = attachment(part, "7", suffix=".log")
    assert value.startswith(f'attachment; filename="{plain}-7.log"; ')
    assert value.isascii()
    assert value.isprintable()
