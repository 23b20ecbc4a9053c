"""What a wheel says of itself is believed as far as its parts agree."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from trainwheel.errors import ConfigurationError
from trainwheel.wheel.proof import read_promise
from unit.model_wheels import proof_of, write_model_wheel


def rewrite(wheel: Path, member: str, data: bytes | None) -> Path:
    """Return a copy of a wheel with one file that is changed, or left out."""
    copy = wheel.parent / "copy" / wheel.name
    copy.parent.mkdir()
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(copy, "w") as target:
        for info in source.infolist():
            content = data if info.filename.endswith(member) else source.read(info)
            if content is not None:
                target.writestr(info, content)
    return copy


def test_a_whole_wheel_is_its_own_proof(tmp_path: Path) -> None:
    wheel = write_model_wheel(tmp_path)

    promise = read_promise(wheel)

    assert (promise.name, promise.sha256) == ("small-model", proof_of(wheel).sha256)
    assert promise.golden == proof_of(wheel).golden


@pytest.mark.parametrize(("member", "data"), [
    ("golden.jsonl", b'{"input": {"x": 2.0}, "prediction": {"y": 5.0}}\n'), ("golden.jsonl", None),
    ("provenance.json", None), ("provenance.json", b"{}"), ("cdx.json", None),
])  # fmt: skip
def test_a_wheel_whose_parts_do_not_agree_is_refused_by_its_name(
    tmp_path: Path, member: str, data: bytes | None
) -> None:
    wheel = rewrite(write_model_wheel(tmp_path), member, data)

    with pytest.raises(ConfigurationError) as caught:
        read_promise(wheel)

    assert wheel.name in caught.value.message
