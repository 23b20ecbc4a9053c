"""Where in a setup() call a list of requirements stands."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from trainwheel.requirements.setup_py.call import SetupCall, find_setup_call
from trainwheel.requirements.setup_py.listing import Listing
from trainwheel.requirements.setup_py.source import Source

__all__ = ["INSTALL_REQUIRES", "Place"]


@dataclass(frozen=True)
class Place:
    """One list of requirements.

    Attributes:
        label: What messages call it.
        find: Returns its expression in a call, None where it is not written; raises
            `SetupPyError` where only running the file would tell.
    """

    label: str
    find: Callable[[SetupCall], ast.expr | None]

    def listing(self, source: Source, text: str) -> Listing:
        """Return the list as it stands after an edit: every position has moved."""
        edited = Source.parse(source.encode(text), source.name)
        return Listing.read(edited, self.find(find_setup_call(edited)), self.label)


INSTALL_REQUIRES = Place("install_requires", lambda call: call.value_of("install_requires"))
