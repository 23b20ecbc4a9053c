"""Serve the embedded index."""

from __future__ import annotations

from trainwheel.engine.chain import VERBOSE, Flag, Step
from trainwheel.engine.run import Run
from trainwheel.errors import ConfigurationError

__all__ = ["STEP"]

HOST = Flag("--host", "the address to serve at (default: 127.0.0.1)", "ADDRESS")
PORT = Flag("--port", "the port to serve at (default: any free port)", "NUMBER")


def _run(run: Run) -> None:
    """Serve the published wheels for reading until Ctrl-C."""
    from trainwheel.index.embedded import serve_index

    port = run.options.get("port") or "0"
    if not (port.isascii() and port.isdecimal() and int(port) < 1 << 16):
        message = f"--port {port} is not a port number"
        raise ConfigurationError(message, hint="use a number below 65536")
    serve_index(
        run.workspace.layout.index,
        run.tools.python("index"),
        run.environment,
        console=run.console,
        host=run.options.get("host") or "127.0.0.1",
        port=int(port),
    )


STEP = Step(
    name="index",
    target="index",
    help="Serve the embedded index until Ctrl-C",
    run=_run,
    category="upload",
    alone=True,
    flags=(HOST, PORT, VERBOSE),
    takes_lock=False,
)
