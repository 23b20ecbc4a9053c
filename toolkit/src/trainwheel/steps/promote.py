"""Copy a published wheel to the next index."""

from __future__ import annotations

import time

from trainwheel.cli.runner import Context
from trainwheel.errors import ConfigurationError
from trainwheel.requirements.setup_py import read_distribution_name
from trainwheel.steps.shared.promoting import check_indexes, promote
from trainwheel.steps.shared.publisher import publisher_of

__all__ = ["run"]


def run(context: Context) -> None:
    """Promote the release that is named, or the newest one."""
    project, options, started = context.project, context.options, time.monotonic()
    indexes = check_indexes(options.get("from"), options.get("to"))
    if len(options.names) > 1:
        message = f"promote takes one version, not {len(options.names)}"
        raise ConfigurationError(message, hint="run it once for each")
    project.log_of("promote").unlink(missing_ok=True)
    source, target = (publisher_of(project, "promote", name) for name in indexes)
    name = read_distribution_name(project.read_setup_py())
    version = options.names[0] if options.names else None
    done = promote(name, version, source, target, project.installer("promote"))
    project.console.outcome("promote", done.told, time.monotonic() - started)
