"""Derive the portable form of a fitted estimator, and prove that it answers the same.

Imported in the training environment, with this folder's parent on the path; it needs numpy and
scikit-learn. What it writes, a model package's ``portable.py`` reads with numpy alone.
"""

from .convert import convert
from .prove import prove_portable
from .visit import NotPortableError

__all__ = ["NotPortableError", "convert", "prove_portable"]
