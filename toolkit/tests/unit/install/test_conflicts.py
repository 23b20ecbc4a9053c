"""Which packages of a conflict are named, and which change of the Pipfile is proposed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import pytest
from packaging.requirements import Requirement

from trainwheel.errors import StepFailedError
from trainwheel.install.conflicts import NoSolutionError, demands_of, explain, raise_for
from trainwheel.requirements.pipfile import parse_pipfile
from trainwheel.system.command import Completed

# Name → version, newest first → what it needs.
RELEASES: dict[str, dict[str, tuple[str, ...]]] = {
    "six": {"1.17": (), "1.16": (), "1.15": ()},
    "aa": {"1.0": ("six<1.16",)},
    "bb": {"1.0": ("six>=1.16",), "0.9": ()},
    "cc": {"2.0": ("six>=1.17",)},
}
ERROR = StepFailedError("pipenv lock: ResolutionImpossible")
REQUIRE = "Because you require {}, we can conclude that your requirements are unsatisfiable."
AA_AND_CC = (
    "Because all versions of cc depend on six>=1.17 and all versions of aa depend on six<1.16, we "
    "can conclude that aa and cc are incompatible. And because you require aa and cc, we can …"
)
NO_NINE = "Because there is no version of six==9 and you require six==9, we can conclude …"
NO_ZZ = "Because zz was not found in the package registry and you require zz, we can conclude …"


class Index:
    """Resolves within the releases above, and explains in uv's words."""

    def __init__(self, reason: str) -> None:
        self.reason, self.count = reason, 0

    def __call__(
        self, category: str, lines: Sequence[str], bounds: Mapping[str, str]
    ) -> dict[str, str]:
        del category
        self.count += 1
        asked = [Requirement(line) for line in lines]
        for versions in itertools.product(*RELEASES.values()):
            pins = dict(zip(RELEASES, versions, strict=True))
            chosen, queue = dict[str, str](), list(asked)
            while queue and queue[-1].name in pins:
                row = queue.pop()
                version = pins[row.name]
                if version not in row.specifier or bounds.get(row.name, version) != version:
                    break
                if row.name not in chosen:
                    chosen[row.name] = version
                    queue += map(Requirement, RELEASES[row.name][version])
            else:
                if not queue:
                    return chosen
        raise NoSolutionError(self.reason)


@pytest.mark.parametrize(
    ("pipfile", "reason", "change"),
    [
        (
            "[test]\nsix = '>=1.16'\n[packages]\nsix = '<1.16'\n",
            REQUIRE.format("six<1.16 and six>=1.16"),
            "allow six 1.15 in [test], or allow six 1.17 in [packages]",
        ),
        (
            "[packages]\naa = '*'\n[test]\ncc = '*'\n[lint]\nbb = '*'\n",
            AA_AND_CC,
            "leave cc out of [test], or leave aa out of [packages]",
        ),
        (
            "[packages]\nsix = '>=1'\n[test]\nAa = '*'\n",
            "Because all versions of aa depend on six<1.16 and you require six==1.17, and aa, we …",
            'write six = ">=1,<=1.15" into [packages]',
        ),
        ("[packages]\nsix = '==9'\n", NO_NINE, "allow six 1.17 in [packages]"),
        ("[packages]\nzz = '*'\n", NO_ZZ, "correct the name, or leave zz out of [packages]"),
        (
            "[packages]\naa = '*'\nbb = '>=1'\n",
            "Because bb>=1.0 depends on six>=1.16 and all versions of aa depend on six<1.16, we …",
            "allow bb 0.9 in [packages]",
        ),
        (
            "[packages]\nsix = '<1.16'\n[dev-packages]\nbb = '>=1'\n[test]\nsix = '>=1.16'\n",
            "Because bb>=1.0 depends on six>=1.16 and you require six<1.16 and bb>=1, we …",
            "allow six 1.17 in [packages]",
        ),
        (
            "[packages]\nsix = '<1.16'\n[lint]\nbb = '>=1'\n[test]\nzz = '*'\n",
            "Because bb>=1.0 depends on six>=1.16 and you require six<1.16 and bb>=1, we …",
            "allow bb 0.9 in [lint], or allow six 1.17 in [packages]",
        ),
    ],
    ids=[
        "two ranges",
        "two needs",
        "bound by packages",
        "no version",
        "no package",
        "one range",
        "for all",
        "another one",
    ],
)
def test_a_conflict_is_named_with_the_smallest_change(
    pipfile: str, reason: str, change: str, sentence: Callable[[object], None]
) -> None:
    index = Index(reason)

    error = explain(ERROR, demands_of(parse_pipfile(pipfile)), index)

    assert error.hint == f"{change}; Pipfile.lock is as it was"
    assert error.details == (reason,)
    assert index.count < 30
    sentence(error)


def test_only_what_binds_each_other_is_a_conflict() -> None:
    index = Index(REQUIRE.format("six"))
    apart = demands_of(parse_pipfile("[lint]\nsix = '<1.16'\n[test]\nsix = '>=1.16'\n"))
    bound = demands_of(parse_pipfile("[packages]\nsix = '<1.16'\n[test]\nsix = '>=1.16'\n"))

    assert explain(ERROR, apart, index) is ERROR
    assert explain(ERROR, bound, index, binds=False) is ERROR
    assert explain(ERROR, bound, index) is not ERROR


def test_a_conflict_about_what_only_a_build_needs_is_in_the_words_of_uv() -> None:
    reason = "Because setuptools was not found in the package registry, we …"

    error = explain(ERROR, demands_of(parse_pipfile("[packages]\nsix = '==9'\n")), Index(reason))

    assert (error.message, error.hint) == (f"pipenv lock: {reason}", "Pipfile.lock is as it was")


def test_a_folder_is_resolved_by_its_path_and_a_release_as_written() -> None:
    folders = "a = {path = './a', editable = true, extras = ['x']}\nb = {path = 'b'}\n"
    pipfile = parse_pipfile(f"[packages]\n{folders}c = {{version = '>1', extras = ['y']}}\n")

    assert [each.line for each in demands_of(pipfile)] == ["-e ./a[x]", "b", "c[y]>1"]


def test_the_number_of_attempts_is_limited() -> None:
    names = [f"p{number}" for number in range(50)]
    pipfile = "[packages]\n" + "".join(f"{name} = '>1'\n" for name in names)
    index = Index(f"Because you require {' and '.join(names)}, we …")

    assert "change what one" in explain(ERROR, demands_of(parse_pipfile(pipfile)), index).hint
    assert index.count < 40


@pytest.mark.parametrize(
    ("what", "output", "words"),
    [
        ("pipenv", "ERROR: Failed to build 'my-lib' when git checkout -q no", "correct its ref in"),
        ("pipenv", "ERROR: Failed to build 'my-lib' when git clone x y", "correct its address or"),
        (
            "uv pip",
            "error: Failed to download and build `my-lib @ git+file:///x@no`\n  cause: y\nfatal: z",
            "correct its address or",
        ),
    ],
    ids=["ref", "address", "uv"],
)
def test_a_repository_that_cannot_be_used_is_named_with_its_category(
    what: str, output: str, words: str, sentence: Callable[[object], None]
) -> None:
    entry = "My_Lib = {git = 'https://x.example/lib', ref = 'no'}"
    with pytest.raises(StepFailedError) as caught:
        raise_for(Completed(1, output), what)

    error = explain(
        caught.value, demands_of(parse_pipfile(f"[dev-packages]\n{entry}\n")), Index("")
    )

    assert "the repository of [dev-packages] my-lib" in error.message
    assert words in error.hint
    sentence(error)


PLAIN = "error: No solution found when resolving dependencies\n  cause: Because a\n   and b.\n"
DRAWN = "  No solution found when resolving:\n  ╰─▶ Because a\n      and b.\n\n  hint: Because"
OF_PIPENV = """\
ERROR: ResolutionImpossible: for help visit somewhere

The conflict is caused by:
    a 1 depends on six<1
    The user requested six>=1
Traceback
X: y
"""


@pytest.mark.parametrize(
    ("output", "kind", "message"),
    [
        (PLAIN, NoSolutionError, "Because a and b."),
        (f"{PLAIN}\nexit code 1\n", NoSolutionError, "Because a and b."),
        (DRAWN, NoSolutionError, "Because a and b."),
        (
            OF_PIPENV,
            StepFailedError,
            "lock: no versions fit: a 1 depends on six<1, The user requested six>=1",
        ),
        ("Warning\nx.BuildError: ERROR: no compiler\nend\n", StepFailedError, "lock: no compiler"),
        ("all\nthat it said\n", StepFailedError, "lock: that it said"),
    ],
)
def test_the_reason_of_a_failure_is_read(
    output: str, kind: type[StepFailedError], message: str
) -> None:
    raise_for(Completed(0, output), "lock")
    with pytest.raises(StepFailedError) as caught:
        raise_for(Completed(1, output), "lock")
    assert (type(caught.value), caught.value.message) == (kind, message)
