"""保管先の話し方ごとに違うところ: 断られ方、分けて送る大きな物、書きかけの片付け。"""

import base64
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.gcs import new_key
from harness.logs import LogRoom
from tsubame.business.storage.errors import ArchiveRefusedError
from tsubame.data_access.logstore.archiving import LogArchiver
from tsubame.data_access.logstore.objects import ObjectPlace, ObjectPlaces

NOISE = random.Random(3).randbytes(900_000)


@pytest.mark.parametrize("place", ["s3", "gcs", "azure"])
async def test_wrong_key_says_what_is_wrong(
    place: str, room: LogRoom, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """鍵が違えば「断られた」と言い、待てば直るものとは区別する。表の行はそのまま。"""
    location = request.getfixturevalue(f"{place}_location")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", base64.b64encode(b"wrong").decode())
    if place == "gcs":
        request.getfixturevalue("gcs").write_credentials(new_key())
    target_id = await room.write(NOISE)
    await room.end(target_id)
    with pytest.raises(ArchiveRefusedError):
        await LogArchiver(room.engine, ObjectPlaces(location)).archive(target_id)
    assert await room.read(target_id) == NOISE


@pytest.mark.parametrize("place", ["s3", "gcs", "azure"])
async def test_large_object_goes_in_parts(place: str, request: pytest.FixtureRequest) -> None:
    """一度では送らない大きさの物も、分けて送って、全部でも範囲でも同じバイトが読める。"""
    at = ObjectPlace(request.getfixturevalue(f"{place}_location"))
    parts = [random.Random(n).randbytes(3_000_001) for n in range(8)]

    async def sent() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    await at.put("2026/11/large.log.zst", sent())
    whole = b"".join(parts)
    assert b"".join([part async for part in at.read("2026/11/large.log.zst")]) == whole
    assert await at.read_range("2026/11/large.log.zst", 8_388_600, 8_388_700) == whole[8_388_600:8_388_700]
    assert await at.keys() == ["2026/11/large.log.zst"]
    await at.delete(["2026/11/large.log.zst", "2026/11/none.log.zst"])
    assert await at.keys() == []


async def test_half_written_file_is_removed(tmp_path: Path) -> None:
    """手元のディレクトリに書きかけを残して死んでも、片付けが消す。"""
    place = ObjectPlace(f"file://{tmp_path}/archive")

    async def one() -> AsyncIterator[bytes]:
        yield b"whole"

    await place.put("2026/11/1.log.zst", one())
    left = tmp_path / "archive/2026/11/1.log.zst#1"
    left.write_bytes(b"half")
    await place.delete(["2026/11/1.log.zst"])
    assert not left.exists()
    assert await place.keys() == []
