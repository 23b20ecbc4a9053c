"""The reference model, proved with every Python of this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from integration.tiny import TinyProject, copy_of
from pythons import find_python
from trainwheel.wheel.metadata import read_member
from trainwheel.wheel.proof import read_provenance

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]


def test_the_reference_model_is_proved_with_each_python_and_the_wheel_says_so(
    reference: TinyProject, tmp_path: Path
) -> None:
    project = copy_of(reference, tmp_path / "project")
    # What its own tests say is not of interest here.
    noxfile = 'import trainwheel\n\ntrainwheel.register(exclude=["doc", "test"])\n'
    (project.root / "noxfile.py").write_text(noxfile, encoding="utf-8")
    pythons = [each for each in ("3.11", "3.12", "3.13") if find_python(each)]

    done = project.nox("prove", "package")

    assert done.code == 0, done.output
    matrix = json.loads((project.root / "build/prove/matrix.json").read_bytes())
    assert matrix["promised"] == ["3.11", "3.12", "3.13"]
    assert sorted({cell["python"] for cell in matrix["cells"]}) == pythons
    # "3.13 with numpy 2.0" is another reason: no wheel of it fits that Python.
    untried = {what for what in matrix["unproved"] if " " not in what}
    assert untried == {"3.11", "3.12", "3.13"} - {*pythons}
    oldest = {cell["numpy"] for cell in matrix["cells"]}
    assert len(oldest) > 1 or len(pythons) == 1
    [wheel] = (project.root / "build/dist").glob("*.whl")
    proved = read_provenance(wheel).proved
    assert [cell for cell in matrix["cells"] if cell not in proved["cells"]] == []
    row = f"| {' | '.join(matrix['cells'][-1].values())} |"
    assert row in read_member(wheel, "METADATA").decode()
    page = (project.root / "build/train/report.html").read_text(encoding="utf-8")
    assert "Where it was proved" in page
    assert "unchanged" in project.nox("package").output
