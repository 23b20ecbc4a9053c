"""The place of a list of requirements in a setup() call."""

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
        find: Returns its expression in a call, None if it is missing; raises `SetupPyError` if it
            may be computed.
    """

    label: str
    find: Callable[[SetupCall], ast.expr | None]

    def listing(self, source: Source, text: str) -> Listing:
        """Return the list of an edited text, where every position may have moved."""
        new = Source.parse(source.encode(text), source.name)
        return Listing.read(new, self.find(find_setup_call(new)), self.label)


INSTALL_REQUIRES = Place("install_requires", lambda call: call.value_of("install_requires"))
