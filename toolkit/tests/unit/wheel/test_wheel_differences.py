"""What differs between two wheels is named, so that it leads to the cause."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from trainwheel.wheel.finish import finish
from unit.wheels import write_wheel
from wheel_differences import compare_wheels

A = "tiny_model/a.py"


@pytest.mark.parametrize(("facts", "phrases"), [
    ({}, []), ({"create_system": 0}, [f"{A}: create_system (3, 0)"]),
    ({"external_attr": 0o100755 << 16, "comment": b"hm"},
     [f"{A}: external_attr (2175008768, 2179792896); comment (b'', b'hm')"]),
    ({"filename": "tiny_model/0.py"},
     ["the archive: order (", "tiny_model/0.py: file_size (None, 594)", f"{A}: file_size (594, "]),
    ({"data": b"a = 2\n" * 99}, [f"{A}: CRC ("]),
    ({"ending": b"hm"}, ["the archive: other bytes"]),
], ids=str)  # fmt: skip
def test_each_difference_is_named(
    tmp_path: Path, facts: dict[str, Any], phrases: list[str]
) -> None:
    first, second = tmp_path / "first.whl", tmp_path / "second.whl"
    finish(write_wheel(tmp_path, members={A: b"a = 1\n" * 99}), first, {})
    with zipfile.ZipFile(first) as source, zipfile.ZipFile(second, "w") as archive:
        archive.comment = facts.get("ending", b"")
        for info in source.infolist():
            data = source.read(info)
            if info.filename == A:
                data = facts.get("data", data)
                for fact in facts.keys() - {"data", "ending"}:
                    setattr(info, fact, facts[fact])
            archive.writestr(info, data)

    differences = compare_wheels(first, second)

    assert len(differences) == len(phrases)
    assert all(map(str.startswith, differences, phrases))
