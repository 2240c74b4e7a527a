"""記録の出し方。structlog と標準の logging(uvicorn、procrastinate、asyncssh)を 1 つの形にそろえる。

要求や実行の番号は `structlog.contextvars.bind_contextvars(request_id=…)` で付ける。
async のタスクごとに分かれ、その中で出た記録すべてに付く。
"""

import logging
import sys
from typing import Literal, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["console", "json"]

# 1 つの操作で何行も出す。細かさを debug にしたときだけ、言うとおりに出す
_TALKATIVE = ("uvicorn.access", "asyncssh", "procrastinate", "alembic", "sqlalchemy", "httpx", "watchfiles")


def configure_logging(level: LogLevel, form: LogFormat, stream: TextIO | None = None) -> None:
    """プロセスの記録の出し方を決める。何度呼んでも、最後の呼び出しだけが効く。"""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        _drop_colour_copy,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    out = stream or sys.stderr
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(form, out)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):  # 自前の出口を外し、上の出口だけを使わせる
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
    logging.captureWarnings(capture=True)


def _drop_colour_copy(logger: object, method: str, event: EventDict) -> EventDict:
    """Uvicorn が付ける、端末の色つきの写しを落とす。同じ文が二度出るだけなので。"""
    del logger, method
    event.pop("color_message", None)
    return event


def _renderers(form: LogFormat, out: TextIO) -> list[Processor]:
    # どちらの形でも、例外に局所変数を付けない。パスワードや鍵が記録に残ってしまう
    if form == "json":
        # 例外も 1 行の中に入れる。行で区切る集め方で、1 件が何件にも割れないように
        tracebacks = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
        return [tracebacks, structlog.processors.JSONRenderer(ensure_ascii=False)]
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=plain)]
