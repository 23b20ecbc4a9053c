"""Why the trained model cannot be used."""

from collections.abc import Sequence

_WHERE = "here or, if something else needs what is installed, in an environment of its own"


class ArtefactError(RuntimeError):
    """The trained model cannot be used: missing, damaged, or made with other packages."""


class DamagedArtefactError(ArtefactError):
    """The artefact or its manifest is not what training left, byte for byte."""


class VersionMismatchError(ArtefactError):
    """Packages are installed that the model was not made with, and may predict wrongly with.

    Attributes:
        problem: what is wrong, for a person to read.
        requirements: what to install instead, such as ``scikit-learn==1.9.1``.
    """

    def __init__(self, problem: str, requirements: Sequence[str]) -> None:
        """Keep both parts, for callers that fix their environment by themselves."""
        super().__init__(problem, requirements)
        self.problem = problem
        self.requirements: tuple[str, ...] = tuple(requirements)

    def __str__(self) -> str:
        """Give one line that ends with the command to run."""
        quoted = " ".join(f'"{requirement}"' for requirement in self.requirements)
        return f"{self.problem}; {_WHERE}, run: pip install {quoted}"
