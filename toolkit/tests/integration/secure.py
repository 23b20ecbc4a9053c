"""A private certificate authority, TLS before a server, and a proxy that lets few hosts through."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import trustme

BOUND = 60.0
Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Authority:
    """Signs certificates of hosts; its own is in a file.

    Args:
        path: The file that tools are pointed at.
        authority: What signs.
    """

    path: Path
    authority: trustme.CA

    def context(self, host: str) -> ssl.SSLContext:
        """Return what a server called ``host`` needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(host).configure_cert(context)
        return context


def make_authority(folder: Path, name: str = "ca.pem") -> Authority:
    """Make an authority whose certificate is in ``folder``."""
    authority = trustme.CA()
    path = folder / name
    authority.cert_pem.write_to_path(str(path))
    return Authority(path, authority)


@dataclass
class Proxy:
    """An HTTP proxy that connects to the hosts that it knows and to nothing else.

    Args:
        hosts: Name of a host → the port on this machine that stands for it.
        asked: The hosts that were asked for, with their ports.
    """

    hosts: Mapping[str, int]
    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        """The variables that lead everything through it."""
        names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
        return {**dict.fromkeys(names, self.url), "NO_PROXY": "", "no_proxy": ""}

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        method, wanted, _ = head.split(b"\r\n")[0].decode("latin-1").split(" ", 2)
        self.asked.append(wanted)
        host, _, port = wanted.rpartition(":")
        if method != "CONNECT" or port != "443" or host not in self.hosts:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        async with _connected(self.hosts[host]) as (there, back):
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_pump(reader, back), _pump(there, writer))


@contextlib.contextmanager
def serve_proxy(hosts: Mapping[str, int]) -> Iterator[Proxy]:
    """Yield a running proxy."""
    proxy = Proxy(hosts)
    with _served(proxy.handle) as port:
        proxy.port = port
        yield proxy


@contextlib.contextmanager
def serve_tls(port: int, context: ssl.SSLContext) -> Iterator[int]:
    """Put TLS before a server on this machine and yield the port of the two."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with _connected(port) as (there, back):
            await asyncio.gather(_pump(reader, back), _pump(there, writer))

    with _served(handle, context) as front:
        yield front


@contextlib.contextmanager
def _served(handle: Handle, context: ssl.SSLContext | None = None) -> Iterator[int]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    clients: set[asyncio.StreamWriter] = set()

    async def settle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        clients.add(writer)
        with contextlib.suppress(OSError, EOFError):
            await handle(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        clients.discard(writer)

    async def begin() -> asyncio.Server:
        return await asyncio.start_server(settle, "127.0.0.1", 0, ssl=context)

    async def end(server: asyncio.Server) -> None:
        server.close()
        for writer in clients:
            writer.transport.abort()
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        # What was aborted is closed in the next rounds of the loop.
        await asyncio.sleep(0.1)

    server = asyncio.run_coroutine_threadsafe(begin(), loop).result(BOUND)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(end(server), loop).result(BOUND)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(BOUND)
        loop.close()


@contextlib.asynccontextmanager
async def _connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError, NotImplementedError):
        if writer.can_write_eof():
            writer.write_eof()
        else:
            writer.close()
