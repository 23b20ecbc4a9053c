"""Serve the embedded index."""

from __future__ import annotations

from trainwheel.cli.runner import Context
from trainwheel.errors import ConfigurationError
from trainwheel.index.embedded import serve_index

__all__ = ["run"]


def run(context: Context) -> None:
    """Serve the published wheels for reading until Ctrl-C."""
    project, options = context.project, context.options
    port = options.get("port") or "0"
    if not (port.isascii() and port.isdecimal() and int(port) < 1 << 16):
        message = f"--port {port} is no port"
        raise ConfigurationError(message, hint="use a number below 65536")
    serve_index(
        project.index_folder,
        project.python("index"),
        project.environment,
        console=project.console,
        host=options.get("host") or "127.0.0.1",
        port=int(port),
    )
