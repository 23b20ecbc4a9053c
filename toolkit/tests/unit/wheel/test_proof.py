"""The proof of a wheel survives its file, and nothing else passes for one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainwheel.errors import ConfigurationError
from trainwheel.evaluation.golden import GoldenRow
from trainwheel.requirements.lockfile import LockedRequirement, render_requirements
from trainwheel.wheel.distributions import Distribution
from trainwheel.wheel.proof import (
    Proof,
    parse_proof,
    proof_path,
    read_promise,
    read_provenance,
    render_proof,
)
from trainwheel.wheel.sbom import Contents, render_bill
from unit.model_wheels import proof_of, write_model_wheel
from unit.wheels import rewrite

PROOF = Proof(
    name="oncology-model", version="0.1.174", wheel="oncology_model-0.1.174-py3-none-any.whl",
    sha256="ab" * 32, release_key="cd" * 32, always=False,
    predict="oncology_model.classifier:predict_record", tolerance=1e-9,
    requirements=f"six==1.16.0 --hash=sha256:{'1' * 64}\n",
    golden=(GoldenRow({"radius": 1.5}, {"label": "M", "score": 0.1}), GoldenRow({}, None)),
)  # fmt: skip


def document(**changes: Any) -> dict[str, Any]:
    return {**json.loads(render_proof(PROOF)), **changes}


def test_a_proof_stands_beside_its_wheel() -> None:
    wheel = Path("build/dist/a-1.0-py3-none-any.whl")

    assert proof_path(wheel) == Path("build/dist/a-1.0-py3-none-any.proof.json")


json_values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
golden = st.lists(
    st.builds(GoldenRow, st.dictionaries(st.text(), json_values, max_size=2), json_values),
    max_size=3,
).map(tuple)


@given(text=st.text(), tolerance=st.floats(0, 1), always=st.booleans(), rows=golden)
def test_every_proof_survives_its_file(
    *, text: str, tolerance: float, always: bool, rows: tuple[GoldenRow, ...]
) -> None:
    proof = replace(PROOF, requirements=text, tolerance=tolerance, always=always, golden=rows)

    assert parse_proof(render_proof(proof), "a.proof.json") == proof


SPOILT = "a.proof.json is not the proof of a wheel; make it again: make package.model"
FOREIGN = (
    "a.proof.json has schema 2, this version knows 1; use the version of trainwheel that made it"
)
BROKEN = ("", "null", "[]", "[1, 2]", '"proof"', "{}", '{"schema": 1}', '{"golden": []}')
CHANGES: tuple[dict[str, Any], ...] = (
    {"further": "key"}, {"golden": None}, {"golden": [[]]}, {"golden": [{"input": {}}]},
    {"sha256": None}, {"tolerance": "1e-9"}, {"always": "no"}, {"version": 1.0},
)  # fmt: skip


@pytest.mark.parametrize(("text", "reason"), [
    *((text, SPOILT) for text in BROKEN),
    *((json.dumps(document(**change)), SPOILT) for change in CHANGES),
    (json.dumps({k: v for k, v in document().items() if k != "sha256"}), SPOILT),
    # Another schema is named, whatever else it holds.
    (json.dumps(document(schema=2)), FOREIGN), ('{"schema": 2, "rows": []}', FOREIGN),
    (json.dumps(document(schema=2, seal="x")), FOREIGN),
])  # fmt: skip
def test_what_is_not_a_proof_is_refused_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_proof(text, "a.proof.json")

    assert str(caught.value) == f"configuration: {reason}"


@given(st.integers(0, len(render_proof(PROOF)) - 3))
def test_a_proof_that_was_cut_short_is_refused(length: int) -> None:
    with pytest.raises(ConfigurationError, match="is not the proof of a wheel"):
        parse_proof(render_proof(PROOF)[:length], "a.proof.json")


@pytest.mark.parametrize(
    "names", [[], ["oncology-model==0.1.174"], ["Oncology.Model==0.1.174"]], ids=str
)
def test_it_is_the_proof_of_its_release_however_that_is_spelled(names: list[str]) -> None:
    PROOF.check_is(names)


@pytest.mark.parametrize(
    "asked",
    ["oncology-model==0.1.175", "other==0.1.174", "oncology-model", "oncology-model=0.1.174", ""],
)
def test_it_is_the_proof_of_no_other_release(asked: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        PROOF.check_is([asked])

    reason = f"there is no proof of {asked} here, only of oncology-model==0.1.174"
    assert reason in caught.value.message
    assert "NAME==VERSION" in str(caught.value)


def test_a_whole_wheel_is_its_own_proof(tmp_path: Path) -> None:
    wheel = write_model_wheel(tmp_path)

    promise = read_promise(wheel)

    assert (promise.name, promise.sha256) == ("small-model", proof_of(wheel).sha256)
    assert promise.golden == proof_of(wheel).golden


ROWS = (
    LockedRequirement("numpy", "==2.4.6", (), 'python_version >= "3.11"',
                      (f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"), "release", "packages"),
    LockedRequirement("six", "==1.16.0", (), "", (f"sha256:{'3' * 64}",), "release", "packages"),
)  # fmt: skip
OF_BEFORE = {
    "components": [
        {"bom-ref": "numpy==2.4.6", "name": "numpy", "type": "library", "version": "2.4.6",
         "purl": "pkg:pypi/numpy@2.4.6", "scope": "optional",
         "properties": [{"name": "trainwheel:lock:hash", "value": f"sha256:{'1' * 64}"},
                        {"name": "trainwheel:lock:hash", "value": f"sha256:{'2' * 64}"},
                        {"name": "trainwheel:lock:marker", "value": 'python_version >= "3.11"'}]},
        {"bom-ref": "six==1.16.0", "name": "six", "type": "library", "version": "1.16.0",
         "scope": "required", "hashes": [{"alg": "SHA-256", "content": "3" * 64}],
         "properties": [{"name": "trainwheel:lock:hash", "value": f"sha256:{'3' * 64}"}]},
        {"bom-ref": "m", "name": "m", "type": "machine-learning-model", "version": "0.1.0"},
    ],
}  # fmt: skip
"""A bill as it was up to version 0.1 of this library."""


@pytest.mark.parametrize("is_of_before", [True, False])
def test_the_locked_packages_of_a_wheel_are_in_its_bill(
    tmp_path: Path, *, is_of_before: bool
) -> None:
    wheel = write_model_wheel(tmp_path)
    installed = {"numpy": Distribution("numpy", "2.4.6", licence="BSD-3-Clause")}
    contents = Contents(Distribution("small-model", "0.1.0", ("numpy",)), ROWS, installed)
    new = render_bill(read_provenance(wheel), contents, "0.2.0")
    bill = json.dumps(OF_BEFORE) if is_of_before else new

    promise = read_promise(rewrite(wheel, **{"small-model": bill.encode()}))

    assert promise.requirements == render_requirements(ROWS)


@pytest.mark.parametrize("change", [
    {"golden": b'{"input": {"x": 2.0}, "prediction": {"y": 5.0}}\n'}, {"golden": None},
    {"provenance": None}, {"provenance": b"{}"}, {"small-model": None},
])  # fmt: skip
def test_a_wheel_whose_parts_do_not_agree_is_refused_by_its_name(
    tmp_path: Path, change: dict[str, bytes | None]
) -> None:
    wheel = rewrite(write_model_wheel(tmp_path), **change)

    with pytest.raises(ConfigurationError) as caught:
        read_promise(wheel)

    assert wheel.name in caught.value.message
