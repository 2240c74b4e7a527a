"""計測の土台: 製品と同じ内蔵の PostgreSQL だけを動かす。"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tsubame.data_access.db.embedded import EmbeddedPostgres


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """空のデータベースの URL。抜けると、止めて消す。"""
    root = Path(tempfile.mkdtemp(prefix="tsubame-bench-"))
    server = EmbeddedPostgres(root)
    try:
        yield server.start_blocking()
    finally:
        server.stop_blocking()
        shutil.rmtree(root, ignore_errors=True)
