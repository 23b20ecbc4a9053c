"""What goes wrong between a client and an index, and what has to come of it."""

from __future__ import annotations

import contextlib
import http.server
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from integration.index.dialects import Answer, Real, Scripted, read_body
from integration.index.servers import BOUND, reset
from trainwheel.index.patience import Patience

__all__ = ["FAULTS", "Fault", "Rig", "Server"]

Handler = http.server.BaseHTTPRequestHandler
Server = Scripted | Real
LOGIN = Answer(200, b'<form><input name="p" type="password"></form>')
PATIENCE = Patience(connect=20, answer=20, tries=3, listing=1, delay=0.05, start=60)
# For what never answers: the test waits as long.
SHORT = Patience(connect=20, answer=2, tries=3, listing=1, delay=0.05, start=3)


@dataclass
class Rig:
    """A server and what goes wrong before it.

    Args:
        server: What would answer.
        on_read: Answers a read in its place.
        on_upload: Answers an upload in its place.
        late: How many reads after the first upload find nothing, as all before it do; None
            where every read finds what is there.
    """

    server: Server
    on_read: Callable[[Rig, Handler, int], None]
    on_upload: Callable[[Rig, Handler, int], None]
    late: int | None = None
    reads: int = 0
    uploads: int = 0

    def read(self, handler: Handler) -> None:
        """Answer a read."""
        self.reads += 1
        if self.late is not None and (not self.uploads or self.late):
            self.late -= bool(self.uploads)
            Answer(404).send(handler)
            return
        self.on_read(self, handler, self.reads)

    def upload(self, handler: Handler) -> None:
        """Answer an upload."""
        self.uploads += 1
        self.on_upload(self, handler, self.uploads)


def well_read(rig: Rig, handler: Handler, _: int) -> None:
    rig.server.read(handler).send(handler)


def well_taken(rig: Rig, handler: Handler, _: int) -> None:
    rig.server.take(handler).send(handler)


def always(answer: Answer) -> Callable[[Rig, Handler, int], None]:
    def respond(_: Rig, handler: Handler, __: int) -> None:
        read_body(handler)
        answer.send(handler)

    return respond


def first(
    times: int,
    wrong: Callable[[Rig, Handler, int], None],
    well: Callable[[Rig, Handler, int], None],
) -> Callable[[Rig, Handler, int], None]:
    def respond(rig: Rig, handler: Handler, number: int) -> None:
        (wrong if number <= times else well)(rig, handler, number)

    return respond


def broken(_: Rig, handler: Handler, __: int) -> None:
    reset(handler)


def silent(_: Rig, handler: Handler, __: int) -> None:
    handler.connection.settimeout(BOUND)
    with contextlib.suppress(OSError):
        while handler.connection.recv(65536):
            pass
    handler.close_connection = True


def cut(rig: Rig, handler: Handler, _: int) -> None:
    answer = replace(rig.server.read(handler), status=200, body=b"x" * 400)
    answer.send(handler, size=100)


def trickled(rig: Rig, handler: Handler, _: int) -> None:
    answer = rig.server.read(handler)
    handler.send_response(answer.status)
    handler.send_header("Content-Type", answer.kind)
    handler.send_header("Content-Length", str(len(answer.body)))
    handler.end_headers()
    for start in range(0, len(answer.body), 50):
        handler.wfile.write(answer.body[start : start + 50])
        handler.wfile.flush()
        time.sleep(0.02)
    handler.close_connection = True


def committed(then: Callable[[Handler], None]) -> Callable[[Rig, Handler, int], None]:
    def respond(rig: Rig, handler: Handler, _: int) -> None:
        rig.server.take(handler)
        then(handler)

    return respond


BUSY, BUSY_FOR_A_DAY = (Answer(429, headers={"Retry-After": s}) for s in ("1", "86400"))
ELSEWHERE = Answer(302, headers={"Location": "http://127.0.0.1:9/login"})


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and what has to come of it.

    Args:
        code: The exit code; 0 for a success, after which the index holds the wheel.
        is_there: Whether the wheel is there in the end although it failed.
        sends: Whether anything may have been sent.
        patience: How long an answer is waited for.
    """

    code: int
    on_read: Callable[[Rig, Handler, int], None] = well_read
    on_upload: Callable[[Rig, Handler, int], None] = well_taken
    late: int | None = None
    sends: bool = True
    patience: Patience = PATIENCE
    is_there: bool = False

    @property
    def arrives(self) -> bool:
        """Whether the wheel is there in the end."""
        return self.code == 0 or self.is_there


FAULTS = {
    "nothing": Fault(0),
    "upload-reset": Fault(4, on_upload=broken),
    "upload-reset-once": Fault(0, on_upload=first(1, broken, well_taken)),
    "upload-silence": Fault(4, on_upload=silent, patience=SHORT),
    "upload-500-after-commit": Fault(0, on_upload=committed(Answer(500).send)),
    "upload-reset-after-commit": Fault(0, on_upload=committed(reset)),
    "upload-503-twice": Fault(0, on_upload=first(12, always(Answer(503)), well_taken)),
    "upload-429": Fault(0, on_upload=first(1, always(Answer(429)), well_taken)),
    "upload-login-page": Fault(4, on_upload=always(LOGIN)),
    "upload-redirect": Fault(2, on_upload=always(ELSEWHERE)),
    "upload-401": Fault(2, on_upload=always(Answer(401))),
    "read-reset": Fault(1, on_read=broken, sends=False),
    "read-silence": Fault(1, on_read=silent, sends=False, patience=SHORT),
    "read-cut-short": Fault(1, on_read=cut, sends=False),
    "read-cut-short-once": Fault(0, on_read=first(1, cut, well_read)),
    "read-trickle": Fault(0, on_read=trickled),
    "read-login-page": Fault(1, on_read=always(LOGIN), sends=False),
    "read-redirect": Fault(1, on_read=always(ELSEWHERE), sends=False),
    "read-401": Fault(2, on_read=always(Answer(401)), sends=False),
    "read-403": Fault(2, on_read=always(Answer(403)), sends=False),
    "read-500": Fault(1, on_read=always(Answer(500)), sends=False),
    "read-503-twice": Fault(0, on_read=first(2, always(Answer(503)), well_read)),
    "listed-late": Fault(0, late=3),
    "listed-much-later": Fault(4, late=999, is_there=True),
    "read-401-once": Fault(0, on_read=first(1, always(Answer(401)), well_read)),
    "read-403-once": Fault(0, on_read=first(1, always(Answer(403)), well_read)),
    "upload-401-once": Fault(0, on_upload=first(1, always(Answer(401)), well_taken)),
    "upload-403-after-commit": Fault(0, on_upload=committed(Answer(403).send)),
    "upload-500": Fault(4, on_upload=always(Answer(500))),
    "read-429-with-time": Fault(0, on_read=first(2, always(BUSY), well_read)),
    "read-429-for-a-day": Fault(1, on_read=always(BUSY_FOR_A_DAY), sends=False),
    "upload-429-with-time": Fault(0, on_upload=first(1, always(BUSY), well_taken)),
}
