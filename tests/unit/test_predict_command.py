"""The predict command writes a table with answers, or one line that says what is wrong."""

import io
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import joblib
import pytest
from sklearn.dummy import DummyRegressor

import oncology_model
from oncology_model import MEASUREMENTS, Classifier, Tumor
from oncology_model.__main__ import main
from oncology_model.serving import ServedRegressor

HEADER = ",".join(MEASUREMENTS)
SMALL = ",".join(["1.0"] * 30)
LARGE = ",".join(["9.0"] * 30)
MANY = f"{SMALL}\n" * 1500
BAD = SMALL[:-3] + "x"
BASH = "/bin/bash"
PROGRAM = [sys.executable, "-m", "oncology_model"]

WITH_ARTEFACT = """
import sys
from oncology_model import Classifier
from oncology_model.__main__ import main
code = main(sys.argv[2:], model=Classifier(sys.argv[1]))
"""
# VmHWM is the peak of resident memory of this process alone.
PEAK = """
for line in open("/proc/self/status"):
    if line.startswith("VmHWM"):
        print(line.split()[1], file=sys.stderr)
"""
NO_RECORD = "oncology-model: no provenance: this package is not from a wheel that trainwheel made\n"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "tumors.csv"


@pytest.fixture
def run(artefact: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process: its exit code, its output and its errors."""

    def run(*arguments: object, model: Path = artefact) -> tuple[int, str, str]:
        code = main(["predict", *map(str, arguments)], model=Classifier(model))
        return code, *capfd.readouterr()

    return run


def test_each_row_gets_a_prediction_and_a_probability(run: Run, table: Path) -> None:
    table.write_text(f"{HEADER}\n{LARGE}\n{SMALL}\n")
    code, out, err = run(table)
    header, first, second = out.splitlines()
    assert (code, err) == (0, "")
    assert header == "prediction,probability"
    assert first.startswith("malignant,0.9")
    assert second.startswith("benign,0.0")


def test_a_dash_reads_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO(f"\ufeffid;{HEADER}\r\nä;{LARGE}\r\n".replace(",", ";").encode())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(content))
    code, out, _ = run("-")
    assert code == 0
    assert out.startswith("id;prediction;probability\nä;malignant;0.9")


def test_a_table_with_decimal_commas_gets_answers_with_them(run: Run, table: Path) -> None:
    table.write_text(f"{HEADER}\n{LARGE}\n".replace(",", ";").replace(".", ","))
    assert run(table)[1].startswith("prediction;probability\nmalignant;0,9")


def test_json_lines_are_answered_in_json_lines(run: Run, tmp_path: Path) -> None:
    record = dict.fromkeys(MEASUREMENTS, 9)
    path = tmp_path / "tumors.jsonl"
    path.write_text("".join(json.dumps({"id": n, **record}) + "\n" for n in range(3)))
    code, out, err = run(path)
    answers = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [answer["id"] for answer in answers] == [0, 1, 2]
    assert {answer["prediction"] for answer in answers} == {"malignant"}
    assert answers[0].keys() >= {"probability", "probabilities", "model_version", "warnings"}

    plain = path.rename(tmp_path / "tumors.txt")
    assert run(plain, "--format", "jsonl")[1] == out
    plain.write_text(json.dumps(record | {"mean_area": "9"}) + "\n")
    code, out, err = run(plain, "--format", "jsonl")
    assert (code, out) == (2, "")
    assert f"{plain}: row 1, column mean_area: " in err


class Regressor(ServedRegressor):
    """Predicts a number from a tumour, as a model of another repository may."""

    record = Tumor


@pytest.mark.parametrize(
    ("signs", "written"),
    [(",.", "id,prediction\n1,9.5\n"), (";,", "id;prediction\n1;9,5\n")],
)
def test_a_number_that_is_predicted_stands_alone(
    table: Path, artefact: Path, capfd: pytest.CaptureFixture[str], signs: str, written: str
) -> None:
    constant = DummyRegressor(strategy="constant", constant=9.5)
    joblib.dump(constant.fit([[0.0] * 30], [0.0]), artefact)
    text = f"id,{HEADER}\n1,{LARGE}\n"
    table.write_text(text.replace(",", signs[0]).replace(".", signs[1]))
    model = cast("Classifier", Regressor(artefact, verify=False))
    assert main(["predict", str(table)], model=model) == 0
    assert capfd.readouterr() == (written, "")


def test_a_header_alone_gives_a_header_alone(run: Run, table: Path) -> None:
    table.write_text(f"id,{HEADER}\n")
    assert run(table, model=table) == (0, "id,prediction,probability\n", "")


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["empty", "30 columns"]),
        (f"{HEADER}\n{SMALL}\n{BAD}\n{SMALL}x\n", ["row 3, column worst_fractal_dimension", "'x'"]),
        (f"{HEADER}\n{SMALL},1\n", ["row 2: 31 cells"]),
        (f"{HEADER}\n{SMALL[4:]},\n", ["row 2, column worst_fractal_dimension: missing"]),
        (f'{HEADER}\n"1,5"{SMALL[3:]}\n', ["row 2, column mean_radius", "'1,5'", "--decimal ,"]),
        (f"{HEADER}\n{LARGE}\n-{SMALL}\nx{SMALL}\n", ["row 3, column mean_radius", "negative"]),
        (f"prediction,{HEADER}\n{SMALL}\n", ["row 1, column prediction", "--prefix"]),
        (HEADER.replace(",", ":"), ["row 1, column mean_radius: missing", "as are 29", "--delim"]),
    ],
    ids=range(8),
)  # fmt: skip
def test_bad_input_is_one_line_and_code_2(
    run: Run, table: Path, content: str, parts: Sequence[str]
) -> None:
    table.write_text(content)
    code, out, err = run(table)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"oncology-model: {table}: {parts[0]}")
    assert all(part in err for part in parts)


def test_bad_rows_can_be_marked(run: Run, table: Path) -> None:
    rows = [f"a,{LARGE}", f"b,{BAD}", "c", f"d,-{SMALL}", f"e,{SMALL}"]
    table.write_text("\n".join([f"id,{HEADER}", *rows]))
    code, out, err = run(table, "--on-error", "mark", "--prefix", "our ")
    assert (code, err) == (3, "")
    lines = out.splitlines()
    assert lines[0] == "id,our prediction,our probability,our error"
    assert lines[1].startswith("a,malignant,0.9")
    assert lines[1].endswith(",")
    assert lines[2].startswith("b,,,worst_fractal_dimension: not a number")
    assert lines[3] == 'c,,,"1 cells, but the header has 31"'
    assert lines[4].startswith('d,,,"mean_radius: must not be negative')
    assert lines[5].startswith("e,benign,0.0")

    table.write_text(f"{HEADER}\n{SMALL}\n")
    assert run(table, "--on-error", "mark")[0] == 0


def test_rows_outside_the_ranges_of_training_are_counted_or_refused(
    run: Run, table: Path, artefact: Path, write_manifest: Callable[..., Path]
) -> None:
    write_manifest(artefact, inputs={"mean_radius": {"lowest": 0.5, "highest": 5.0}})
    table.write_text(f"{HEADER}\n{SMALL}\n{LARGE}\n{LARGE}\n")
    code, out, err = run(table)
    assert (code, out.count("\n"), err.count("\n")) == (0, 4, 1)
    assert "learnt from: 2, the first is row 3, column mean_radius; --strict" in err
    code, out, err = run(table, "--strict")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"{table}: row 3, column mean_radius: 9 is outside the range" in err
    code, out, err = run(table, "--strict", "--on-error", "mark")
    assert (code, err) == (3, "")
    assert out.count(",,mean_radius: 9 is outside the range") + out.count(',,"mean_radius: 9') == 2
    write_manifest(
        artefact, inputs={name: {"lowest": 0.5, "highest": 5.0} for name in MEASUREMENTS}
    )
    named = "mean_radius, mean_texture, mean_perimeter and 27 others"
    assert f"the first is row 3, columns {named}; --strict" in run(table)[2]
    table.write_text(f"{HEADER}\n{LARGE.replace('9.0', '900', 1)}\n")
    assert "row 2, column mean_radius: 900 is far outside" in run(table)[2]


def test_a_model_whose_packages_are_missing_is_one_line(table: Path) -> None:
    table.write_text(f"{HEADER}\n{SMALL}\n")
    package = Path(oncology_model.__file__).parents[1]
    done = subprocess.run(
        [PROGRAM[0], "-S", *PROGRAM[1:], "predict", str(table)],
        env={"PYTHONPATH": str(package)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("/usr/bin/oncology-model", "oncology-model"),
        ("/usr/lib/oncology_model/__main__.py", "python -m oncology_model"),
    ],
)
def test_the_usage_names_the_program_as_it_was_started(
    program: str, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [program])
    assert main(["--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: {name} ")
    assert main(["predict"]) == 2
    assert f"`{name} predict --help`" in capsys.readouterr().err


def test_rows_of_the_batches_before_a_bad_one_are_printed_whole(run: Run, table: Path) -> None:
    table.write_text(f"{HEADER}\n{MANY}{BAD}\n")
    code, out, err = run(table)
    assert code == 2
    assert "row 1502" in err
    assert out.count("\n") == 1001
    assert out.endswith("\n")


def test_a_file_is_written_whole_or_not_at_all(run: Run, table: Path, tmp_path: Path) -> None:
    target, link = tmp_path / "answers.csv", tmp_path / "link.csv"
    link.symlink_to(target)
    target.write_text("of yesterday")
    target.chmod(0o640)
    table.write_text(f"{HEADER}\n{MANY}{BAD}\n")
    assert run(table, "--output", link)[0] == 2
    assert target.read_text() == "of yesterday"
    table.write_text(f"{HEADER}\n{MANY}")
    assert run(table, "--output", link) == (0, "", "")
    assert target.read_text().count("\n") == 1501
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert link.is_symlink()
    assert {path.name for path in tmp_path.iterdir()} >= {"answers.csv", "link.csv"}
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    "target", ["absent/x.csv", "tumors.csv/x.csv", ".", "/dev/null", "x.jsonl"]
)
def test_what_cannot_be_written_is_one_line(run: Run, table: Path, target: str) -> None:
    table.write_text(f"{HEADER}\n{SMALL}\n")
    path = table.parent / target
    code, out, err = run(table, "--output", path)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"{path}: " in err


def test_a_missing_file_is_one_line_and_code_2(run: Run, table: Path) -> None:
    assert run(table) == (2, "", f"oncology-model: {table}: No such file or directory\n")


def test_an_untrained_model_is_one_line_and_code_1(run: Run, table: Path) -> None:
    table.write_text(f"{HEADER}\n{SMALL}\n")
    code, out, err = run(table, model=table.with_name("absent.joblib"))
    assert (code, out, err.count("\n")) == (1, "", 1)


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["predict"], ["predcit", "x"], ["predict", "x", "--decimal", ";"],
        ["predict", "x", "--delimiter", "ab"], ["schema", "--input", "--output"],
    ],
    ids=range(6),
)  # fmt: skip
def test_a_wrong_command_line_is_one_line_and_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert captured.err.startswith("oncology-model: ")
    assert "--help" in captured.err


def test_schemas_and_version_are_printed(
    artefact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def show(*arguments: str) -> str:
        assert main(arguments, model=Classifier(artefact)) == 0
        return capsys.readouterr().out

    both = json.loads(show("schema"))
    assert json.loads(show("schema", "--input")) == both["input"]
    assert json.loads(show("schema", "--output")) == both["output"]
    assert list(both["input"]["properties"]) == list(MEASUREMENTS)
    assert "prediction" in both["output"]["properties"]
    assert show("--version").startswith("oncology-model ")
    assert "predict" in show("--help")


@pytest.mark.parametrize("command", ["predict", "schema", "info", "--help"])
def test_an_output_that_nobody_reads_ends_the_command_quietly(table: Path, command: str) -> None:
    table.write_text(f"{HEADER}\n")
    arguments = [command, str(table)] if command == "predict" else [command]
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as output:  # noqa: PTH123 - which takes no descriptor
        done = subprocess.run(
            [*PROGRAM, *arguments],
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            # Else argparse itself passes over the error.
            env={**os.environ, "PYTHONUNBUFFERED": ""},
        )
    assert done.stderr in {"", NO_RECORD}
    assert done.returncode == 141


@pytest.mark.parametrize("place", ["&-", "/dev/full"])
@pytest.mark.parametrize("command", ["predict", "schema"])
def test_an_output_that_takes_nothing_is_one_line(table: Path, command: str, place: str) -> None:
    table.write_text(f"{HEADER}\n")
    words = [*PROGRAM, command, *([str(table)] if command == "predict" else [])]
    done = subprocess.run(
        [BASH, "-c", f'"$@" >{place}', "bash", *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("oncology-model: standard output")


def test_head_takes_what_it_wants_of_a_long_table(artefact: Path, table: Path) -> None:
    table.write_text(f"note,{HEADER}\n" + f"{'x' * 90},{LARGE}\n" * 3000)  # more than a pipe holds
    program = [sys.executable, "-c", f"{WITH_ARTEFACT}sys.exit(code)", str(artefact)]
    words = [*program, "predict", str(table)]
    script = '"$@" | head -n 2; echo "${PIPESTATUS[0]}"'
    done = subprocess.run(
        [BASH, "-c", script, "bash", *words], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.startswith("note,prediction,probability\nxxx")
    assert done.stdout.splitlines()[2:] == ["141"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_is_quiet_and_leaves_no_file(
    table: Path, tmp_path: Path, number: int, code: int
) -> None:
    os.mkfifo(table)
    # Whoever is started in the background by a shell ignores SIGINT, and so do its children.
    heed = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL)"
    start = [sys.executable, "-c", f"{heed}; os.execv(sys.argv[1], sys.argv[1:])"]
    words = [*start, *PROGRAM, "predict", str(table), "--output", str(tmp_path / "answers.csv")]
    with (
        subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process,
        table.open("w") as stream,
    ):
        stream.write(f"{HEADER}\n")
        stream.flush()
        while process.poll() is None and not list(tmp_path.glob(".answers*")):
            os.sched_yield()
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert err == ""
    assert process.returncode in {code, -number}  # Python may end itself by the signal
    assert {path.name for path in tmp_path.iterdir()} == {table.name} | {
        path.name for path in tmp_path.glob("small*")
    }


@pytest.mark.slow
def test_the_memory_does_not_grow_with_the_table(artefact: Path, table: Path) -> None:
    peaks = []
    for count in (2_000, 200_000):
        with table.open("w") as stream:
            stream.write(f"id,{HEADER}\n")
            stream.writelines(f"{number},{LARGE}\n" for number in range(count))
        words = [sys.executable, "-c", WITH_ARTEFACT + PEAK, str(artefact), "predict", str(table)]
        with table.with_suffix(".out").open("w") as output:
            done = subprocess.run(
                words, stdout=output, stderr=subprocess.PIPE, text=True, check=False
            )
        assert table.with_suffix(".out").read_text().count("\n") == count + 1
        peaks.append(int(done.stderr))
    assert peaks[1] - peaks[0] < 10_000  # KiB; the table itself has 160 MB
