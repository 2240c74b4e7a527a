from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.logs import LogRoom


@pytest.fixture
def room(database_url: str, engine: AsyncEngine) -> LogRoom:
    return LogRoom(database_url, engine)


@pytest.fixture(params=["directory", "s3", "gcs", "azure"])
def archive_room(
    request: pytest.FixtureRequest, database_url: str, engine: AsyncEngine, tmp_path: Path
) -> LogRoom:
    """書き終えたログを保管先へ移す部屋。手元のディレクトリ、S3、GCS、Azure で同じ試験を通す。"""
    if request.param == "directory":
        return LogRoom(database_url, engine, f"file://{tmp_path}/archive")
    return LogRoom(database_url, engine, request.getfixturevalue(f"{request.param}_location"))
