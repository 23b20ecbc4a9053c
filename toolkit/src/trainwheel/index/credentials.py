"""User name and password on their way to an index, and to nobody else."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from trainwheel.index.address import origin
from trainwheel.index.target import Target
from trainwheel.system.secrets import Secret

if TYPE_CHECKING:
    from requests import PreparedRequest

__all__ = ["OriginAuth", "encode_credentials", "secrets_of"]


def encode_credentials(target: Target) -> Secret | None:
    """Return user name and password as basic authentication sends them; None for an open index."""
    if target.username is None or target.password is None:
        return None
    pair = f"{target.username.reveal()}:{target.password.reveal()}"
    return Secret(base64.b64encode(pair.encode("latin-1")).decode())


def secrets_of(target: Target | None) -> tuple[Secret, ...]:
    """Return what must not be printed of an index's credentials.

    That is the password, alone and together with the user name. The name itself is public: it
    stands in addresses, and often it is a word that stands in much else. Only where there is no
    password it is a token (``https://TOKEN@host/``).
    """
    if target is None or target.username is None or target.password is None:
        return ()
    name, password = target.username.reveal(), target.password.reveal()
    pair = (Secret(f"{name}:{password}"), encode_credentials(target))
    return (Secret(password or name), *(secret for secret in pair if secret is not None))


class OriginAuth:
    """Basic authentication for the origins that the configuration names.

    It is given to every request, also without credentials: requests would otherwise look into
    the user's ``.netrc``.

    Args:
        target: The index.
    """

    def __init__(self, target: Target) -> None:
        self._origins = {origin(target.simple_url), origin(target.upload_url)}
        self._encoded = encode_credentials(target)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the credentials to a request that goes where they belong."""
        if self._encoded is not None and origin(request.url or "") in self._origins:
            request.headers["Authorization"] = f"Basic {self._encoded.reveal()}"
        return request
