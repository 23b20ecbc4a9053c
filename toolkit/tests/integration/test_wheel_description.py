"""A published wheel says what it is: provenance, golden predictions, bill of materials."""

from __future__ import annotations

import email
import email.policy
import hashlib
import json
import sys
import zipfile
from importlib.resources import files

import jsonschema
import pytest

from integration.tiny import TinyProject
from trainwheel.wheel.metadata import read_member
from trainwheel.wheel.provenance import Provenance, parse_provenance
from trainwheel.wheel.record import check_record

pytestmark = [pytest.mark.integration, pytest.mark.slow]

INFO = "tiny_model-0.1.0.dist-info"


def read(project: TinyProject, name: str) -> bytes:
    with zipfile.ZipFile(project.wheel) as wheel:
        return wheel.read(name)


@pytest.fixture
def provenance(published: TinyProject) -> Provenance:
    """What the published wheel says."""
    return parse_provenance(read(published, f"{INFO}/trainwheel/provenance.json").decode())


def test_provenance_names_what_the_model_was_made_of(
    published: TinyProject, provenance: Provenance
) -> None:
    commit = published.run("git", "rev-parse", "HEAD").output.strip()
    artefact = (published.root / "model/tiny_model/artefact/model.joblib").read_bytes()

    assert (provenance.name, provenance.version) == ("tiny-model", "0.1.0")
    assert (provenance.commit, provenance.dirty) == (commit, False)
    assert provenance.metrics == {"accuracy": 1.0}
    assert provenance.packages["joblib"] == "1.6.0"
    assert provenance.training.command == "python -m tiny_training {model} {report}"
    assert provenance.training.data == {}
    assert provenance.artefact.sha256 == hashlib.sha256(artefact).hexdigest()
    assert provenance.artefact.size == len(artefact)
    schema = json.loads((files("trainwheel") / "data/provenance-1.json").read_text())
    jsonschema.validate(json.loads(provenance.render()), schema)
    assert str(published.root) not in provenance.render()


def test_provenance_has_the_intervals_of_the_evaluation(published_learner: TinyProject) -> None:
    text = read(published_learner, f"{INFO}/trainwheel/provenance.json")
    results = json.loads(published_learner.read("build/evaluate/evaluation.json"))
    known = results["measured"]["named"]["accuracy"]

    provenance = parse_provenance(text)

    assert provenance.training.engine == "local"
    assert list(provenance.intervals) == ["accuracy"]
    assert provenance.intervals["accuracy"] == pytest.approx((known["low"], known["high"]))


def test_the_golden_predictions_are_beside_it(
    published: TinyProject, provenance: Provenance
) -> None:
    golden = read(published, f"{INFO}/trainwheel/golden.jsonl")

    rows = [json.loads(line) for line in golden.splitlines()]
    assert provenance.golden.sha256 == hashlib.sha256(golden).hexdigest()
    assert provenance.golden.count == len(rows) == 3
    assert [row["input"] for row in rows] == [{"x": 1}, {"x": 11}, {"x": 0.1}]
    assert rows[0]["prediction"]["value"] == 2.0


def test_the_wheel_is_well_made(published: TinyProject) -> None:
    check_record(published.wheel)
    with zipfile.ZipFile(published.wheel) as wheel:
        assert wheel.testzip() is None
        names = wheel.namelist()
        assert names[-1] == f"{INFO}/RECORD"
        assert names[:-1] == sorted(names[:-1], key=lambda name: (name.startswith(INFO), name))
        assert {info.date_time for info in wheel.infolist()} == {(1980, 1, 1, 0, 0, 0)}


_LONG = """    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
"""


def test_a_changed_model_is_the_next_patch_with_its_card_as_the_description(
    published: TinyProject,
) -> None:
    published.replace("model/tiny_model/classifier.py", '"small"', '"little"')
    described = '    long_description=Path("README.rst").read_text(encoding="utf-8"),\n'
    published.write("README.rst", "Tiny\n====\n\n.. note:: :class:`Classifier` doubles.\n")
    published.replace("setup.py", _LONG, described)

    run = published.nox("upload")

    assert run.code == 0, run.output
    assert published.published() == ["0.1.0", "0.1.1"]
    assert "tiny-model 0.1.1 repeats 3 golden predictions" in run.line("verify ")
    (wheel,) = (published.root / "build/dist").glob("*.whl")
    metadata = email.message_from_bytes(read_member(wheel, "METADATA"), policy=email.policy.default)
    assert metadata.get_all("Description-Content-Type") == [
        "text/markdown; charset=UTF-8; variant=GFM"
    ]
    assert metadata["Summary"] == "Doubles a number"
    assert metadata["Requires-Dist"] == "joblib<2,>=1.6.0"
    card, _, proved = str(metadata.get_payload()).partition("\n## Where it was proved\n")
    assert card == published.read("build/train/model_card.md")
    assert "| Python |" in proved
    twine = (sys.executable, "-m", "twine", "check", "--strict", str(wheel))
    assert published.run(*twine).code == 0


def test_without_a_description_of_its_own_a_wheel_has_the_card(published: TinyProject) -> None:
    published.replace("setup.py", _LONG, "")

    run = published.nox("package")

    assert run.code == 0, run.output
    (wheel,) = (published.root / "build/dist").glob("*.whl")
    metadata = email.message_from_bytes(read_member(wheel, "METADATA"), policy=email.policy.default)
    card, _, proved = str(metadata.get_payload()).partition("\n## Where it was proved\n")
    assert card == published.read("build/train/model_card.md")
    assert "| Python |" in proved
