"""黙って流れを止める TCP の中継。線が抜けたときのように、切れたとはだれにも知らせない。"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass
class SilentProxy:
    """``port`` に来たものを ``server_port`` へ渡す。"""

    server_port: int
    port: int = 0
    _flowing: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self) -> None:
        """流れを止める。届いたものは、``mend`` まで渡さない。"""
        self._flowing.clear()

    def mend(self) -> None:
        self._flowing.set()

    async def relay(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        to_server: asyncio.StreamWriter | None = None
        try:
            await self._flowing.wait()
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self.server_port)
            copies = [
                asyncio.create_task(self._copy(from_client, to_server)),
                asyncio.create_task(self._copy(from_server, to_client)),
            ]
            try:
                await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for copy in copies:
                    copy.cancel()
                await asyncio.gather(*copies, return_exceptions=True)
        except OSError:
            return
        finally:
            to_client.close()
            if to_server is not None:
                to_server.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()


@contextlib.asynccontextmanager
async def silent_proxy(server_port: int) -> AsyncIterator[SilentProxy]:
    proxy = SilentProxy(server_port)
    proxy.mend()
    relays: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay = asyncio.create_task(proxy.relay(reader, writer))
        relays.add(relay)
        relay.add_done_callback(relays.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)
