"""記録の形。"""

import io
import json
import logging
import secrets
from collections.abc import Iterator

import pytest
import structlog

from tsubame.entrypoints.log_setup import LogFormat, configure_logging


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_json_lines_carry_ids_from_every_library() -> None:
    """Json の形では、structlog の物も uvicorn の物も 1 行 1 件で、要求の番号が付く。"""
    out = io.StringIO()
    configure_logging("info", "json", out)
    structlog.contextvars.bind_contextvars(request_id="r1")
    structlog.stdlib.get_logger("tsubame").info("起動した", port=8000)
    logging.getLogger("uvicorn.error").warning("slow %s", "client", extra={"color_message": "\x1b[36mslow"})
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line["event"], line["logger"], line["request_id"]) for line in lines] == [
        ("起動した", "tsubame", "r1"),
        ("slow client", "uvicorn.error", "r1"),
    ]
    assert lines[0]["port"] == 8000
    assert "color_message" not in lines[1]


def test_exception_stays_on_one_json_line() -> None:
    """例外も、集めやすいように 1 行に収まる。"""
    out = io.StringIO()
    configure_logging("info", "json", out)
    try:
        int("壊れた\n二行目")
    except ValueError:
        logging.getLogger("tsubame").exception("失敗")
    (line,) = out.getvalue().splitlines()
    assert json.loads(line)["exception"][0]["exc_type"] == "ValueError"


def test_level_hides_talkative_libraries() -> None:
    """ふだんは騒がしいライブラリを黙らせ、debug では出す。"""
    quiet, loud = io.StringIO(), io.StringIO()
    for level, out in (("info", quiet), ("debug", loud)):
        configure_logging("debug" if level == "debug" else "info", "console", out)
        logging.getLogger("uvicorn.access").info("GET /healthz")
    assert "GET /healthz" not in quiet.getvalue()
    assert "GET /healthz" in loud.getvalue()


@pytest.mark.parametrize("form", ["console", "json"])
def test_exception_never_shows_local_variables(form: LogFormat) -> None:
    """例外の記録に、そのときの変数の中身(パスワードかもしれない)は載らない。"""
    out = io.StringIO()
    configure_logging("info", form, out)

    def fail(password: str) -> None:
        raise ValueError(len(password))

    password = secrets.token_hex()
    try:
        fail(password)
    except ValueError:
        logging.getLogger("tsubame").exception("失敗")
    assert "ValueError" in out.getvalue()
    assert password not in out.getvalue()
