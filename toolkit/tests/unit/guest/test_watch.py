"""What a program reads is seen, however it reads, in each process that it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainwheel.engine.observed import Sighting
from unit.watched import observe

DATA = "x,y\n1,2\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "data").mkdir(parents=True)
    (root / "data/a.csv").write_text(DATA)
    return root


@pytest.mark.parametrize("code", [
    "open('data/a.csv').read()",
    "open(b'data/a.csv').read()",
    "from pathlib import Path; Path('data/a.csv').read_bytes()",
    "import io; io.open_code(__import__('os').path.abspath('data/a.csv')).read()",
    "import os; os.read(os.open('data/a.csv', os.O_RDONLY), 9)",
    "import mmap\nwith open('data/a.csv') as s: mmap.mmap(s.fileno(), 0, prot=mmap.PROT_READ)",
    "open('data/a.csv', 'r+').read()",
    "import numpy; numpy.loadtxt('data/a.csv', delimiter=',', skiprows=1)",
    "import numpy; numpy.memmap('data/a.csv', dtype='u1')",
    "import numpy; numpy.fromfile('data/a.csv', dtype='u1')",
    "import shutil; shutil.copyfile('data/a.csv', 'build/copy.csv')",
    "import os; os.link('data/a.csv', 'build/copy.csv'); open('build/copy.csv')",
    "import os; os.symlink('../data/a.csv', 'build/copy.csv'); open('build/copy.csv')",
    "import os; os.chdir('data'); open('a.csv'); os.chdir('/'); open('%(root)s/data/a.csv')",
    "open('data/../data/./a.csv'); open('data//a.csv')",
    "import fileinput; list(fileinput.input('data/a.csv'))",
    "import linecache; linecache.getlines('data/a.csv')",
    "import atexit; atexit.register(lambda: open('data/a.csv').read())",
    "import os, threading\ndef go(): open('data/a.csv')\nthreading.Thread(target=go).start()",
])  # fmt: skip
def test_a_file_that_is_opened_is_read(root: Path, code: str) -> None:
    observed = observe(root, code.replace("%(root)s", str(root)))

    assert observed.files["data/a.csv"] == Sighting("opened", "main.py")
    assert set(observed.files) == {"data/a.csv", "main.py"}
    assert observed.absent == observed.written == ()
    assert observed.processes == 1
