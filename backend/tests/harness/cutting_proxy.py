"""PostgreSQL の手前で、返事だけを捨てて切る中継。確定したのに返事が届かない、を起こす。"""

import asyncio
import contextlib
import random
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

_SOCKET = ".s.PGSQL.5432"


class CuttingProxy:
    """``chance`` の割合で、返事を渡さずに切る。``cuts`` はその回数。"""

    def __init__(self, server: Path, seed: int, chance: float) -> None:
        self.cuts = 0
        self._server = server
        self._random = random.Random(seed)
        self._chance = chance

    async def relay(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_unix_connection(self._server)
        forward = asyncio.create_task(_copy(from_client, to_server))
        try:
            while answer := await from_server.read(65_536):
                if self._random.random() < self._chance:
                    self.cuts += 1
                    return
                to_client.write(answer)
                await to_client.drain()
        except ConnectionError:
            return
        finally:
            forward.cancel()
            await asyncio.gather(forward, return_exceptions=True)
            to_server.close()
            to_client.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


@contextlib.asynccontextmanager
async def cutting_proxy(url: str, seed: int, chance: float) -> AsyncIterator[tuple[CuttingProxy, str]]:
    """``url`` の手前に置いた中継と、それを通る ``url``。"""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    proxy = CuttingProxy(Path(query["host"][0]) / _SOCKET, seed, chance)
    with tempfile.TemporaryDirectory(prefix="tsubame-cut-") as directory:
        server = await asyncio.start_unix_server(proxy.relay, Path(directory) / _SOCKET)
        async with server:
            through = urlencode({**query, "host": [directory]}, doseq=True)
            yield proxy, urlunsplit(parts._replace(query=through))
