"""Which rows are held out: decided by the row itself, for good."""

import hashlib
import struct
from collections.abc import Iterable

from oncology_model.datamodel import Tumor
from oncology_training.data import Example

HOLDOUT_SHARE = 0.2


def split(examples: Iterable[Example]) -> tuple[list[Example], list[Example]]:
    """Part the examples into those to train on and those to evaluate by, each in order.

    Rows that are added, removed or moved leave every other row on its side. A later version
    of the model is therefore evaluated on rows that no earlier version was trained on, and
    equal rows never stand on both sides.

    Returns:
        The rows for training and the held-out rows, about one in five.
    """
    training: list[Example] = []
    holdout: list[Example] = []
    for example in examples:
        (holdout if is_held_out(example.tumor) else training).append(example)
    return training, holdout


def is_held_out(tumor: Tumor) -> bool:
    """Return whether a row is held out, by the digest of its measurements.

    The diagnosis does not count: a row whose diagnosis is corrected stays on its side.
    """
    digest = hashlib.sha256(struct.pack("<30d", *tumor.values())).digest()
    return int.from_bytes(digest[:8]) < HOLDOUT_SHARE * 2**64
