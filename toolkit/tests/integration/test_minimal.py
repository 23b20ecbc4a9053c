"""A release where there is little more than Python, git and make, and no right to install more."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from integration.debian import CHECKOUT, HOME, Debian, make_debian, require_debian
from integration.tables import write_customers

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(1500)]

PREDICT = """
from oncology_model import Classifier
ranges = Classifier().input_schema()["properties"].items()
print(Classifier().predict({name: each["x-training"]["lowest"] for name, each in ranges}))
"""

CUSTOMERS = 900


def install_what_is_named(debian: Debian, python: str) -> None:
    """Do as the line says that a Python without ensurepip brings, as root."""
    refused = debian.run("make", "upload.model")

    assert refused.code == 2
    line, *_ = refused.output.splitlines()
    words, _, package = line.rpartition("apt install ")
    assert words.startswith("configuration: this Python lacks its module ensurepip")
    assert package == f"python{python}-venv"
    assert list(debian.folder("/debs").glob(f"{package}_*.deb"))
    done = debian.run("sh", "-c", "dpkg --install /debs/*.deb", is_root=True)
    assert done.code == 0, done.output


def install_and_predict(debian: Debian, line: str) -> str:
    """Return what the model answers in an environment that the printed line has filled."""
    env = shlex.quote(f"{HOME}/env")
    script = f"python3 -m venv {env} && . {env}/bin/activate && {line} --quiet && cd {env}"
    done = debian.run("sh", "-euc", f"{script} && python -c {shlex.quote(PREDICT)}")
    assert done.code == 0, done.output
    answer, *_ = done.output.splitlines()
    return answer


def make_a_model_of_a_table(debian: Debian) -> None:
    """Type what the page on a new model says, edit no file, and ask what is installed."""
    write_customers(debian.folder(f"{HOME}/customers.csv"), CUSTOMERS)
    lines = (
        "python3 -m venv tool",
        f"tool/bin/pip install --quiet {shlex.quote(f'{CHECKOUT}/toolkit[init]')}",
        "tool/bin/trainwheel init churn-model --from customers.csv --target churned",
        "cd churn-model && make upload.model",
    )
    done = debian.run("sh", "-euc", "; ".join((f"cd {HOME}", *lines)))
    assert done.code == 0, done.output
    assert "golden predictions" in done.line("verify ")
    install = done.line("install:").partition(":")[2].strip()
    filled = f"cd {HOME} && python3 -m venv user && . user/bin/activate && {install} --quiet"
    asked = debian.run(
        "sh", "-euc", f"{filled} && churn-model predict customers.csv --output answers.csv"
    )
    assert asked.code == 0, asked.output
    with debian.folder(f"{HOME}/answers.csv").open(encoding="utf-8", newline="") as stream:
        answers = list(csv.DictReader(stream))
    assert {answer["prediction"] for answer in answers} == {"yes", "no"}
    assert len(answers) == CUSTOMERS


@contextmanager
def made_ready(suite: str, python: str, folder: Path) -> Iterator[Debian]:
    """Yield a system in which all is installed that the first `make` names."""
    require_debian()
    # The older one has no memory that processes share.
    has_it = suite != "bookworm"
    with make_debian(suite, folder / "root", has_shared_memory=has_it) as debian:
        install_what_is_named(debian, python)
        yield debian


def test_a_minimal_debian_releases_once_it_has_what_is_asked_for(tmp_path: Path) -> None:
    with made_ready("bookworm", "3.11", tmp_path) as debian:
        released = debian.run("make", "upload.model")

        assert released.code == 0, released.output
        assert "golden predictions" in released.line("verify ")
        assert "joblib starts no processes" in released.output
        line = released.line("install:").partition(":")[2].strip()
        assert install_and_predict(debian, line) in {"benign", "malignant"}
        assert debian.run(".venv/bin/trainwheel", "doctor").code == 0
        make_a_model_of_a_table(debian)


# The older one releases in CI.
@pytest.mark.models
def test_a_minimal_debian_with_a_newer_python_packages(tmp_path: Path) -> None:
    with made_ready("trixie", "3.13", tmp_path) as debian:
        packaged = debian.run("make", "package.model")

        assert packaged.code == 0, packaged.output
        assert "proved" in packaged.line("package  ")
        assert "joblib starts no processes" not in packaged.output
