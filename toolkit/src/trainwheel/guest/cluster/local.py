"""A Dask cluster of this machine alone: ``python -P local.py FOLDER WORKERS``.

One process a worker, over TLS with keys that are made for it, so that nobody else on the machine
can have their code run. ``FOLDER`` gets the keys and what workers store; the first line of the
output is the address. It ends on SIGTERM and when its standard input is closed, so that it cannot
outlive whoever started it, be that killed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from distributed import LocalCluster, Security


def main(folder: str, workers: str) -> None:
    """Serve a cluster until whoever started it is gone."""
    signal.signal(signal.SIGTERM, _end)
    # A line for every task that was repeated would drown what training prints.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with LocalCluster(
        n_workers=int(workers),
        threads_per_worker=1,
        host="127.0.0.1",
        protocol="tls",
        security=_make_keys(Path(folder)),
        dashboard_address=None,
        local_directory=folder,
    ) as cluster:
        print(cluster.scheduler_address, flush=True)  # noqa: T201 - this is for a pipe
        with contextlib.suppress(KeyboardInterrupt, OSError):
            sys.stdin.buffer.read()


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _make_keys(folder: Path) -> Any:
    """Return keys for this cluster, and write them where its one client finds them."""
    security = Security.temporary()
    for name, text in (("ca.pem", security.tls_ca_file), ("cert.pem", security.tls_client_cert),
                       ("key.pem", security.tls_client_key)):  # fmt: skip
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(text)
    return security


if __name__ == "__main__":
    main(*sys.argv[1:])
