"""Package indexes: which one is meant, what it holds, and how a wheel gets there."""

from trainwheel.index.pages import PublishedFile
from trainwheel.index.target import IndexSettings, Target, choose_index

__all__ = ["IndexSettings", "PublishedFile", "Target", "choose_index"]
