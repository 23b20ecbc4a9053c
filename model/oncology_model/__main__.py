"""The model in the shell: predict tables, and say where the model comes from."""

import argparse
import contextlib
import errno
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from oncology_model import ArtefactError, Classifier
from oncology_model.lazy_model import LazyModel

NAME = "oncology-model"
_REINSTALL = "install the package again"
_NO_RECORD = "no provenance: this package is not from a wheel that trainwheel made"
_EPILOG = """\
exit codes:
  0    done
  1    the model cannot be used, or its record is missing or damaged
  2    the input cannot be read, the output cannot be written, or the command line is wrong
  3    predict --on-error mark: some rows have no prediction; verify: some answers differ
  130  interrupted
  141  nobody reads the output any more, as with `| head`
  143  ended by SIGTERM; the file of --output is as it was
"""


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{NAME}: {message}; see `{self.prog} --help`\n")


def main(
    argv: Sequence[str] | None = None,
    *,
    model: Classifier | None = None,
    package: Path | None = None,
) -> int:
    """Run the command line.

    Args:
        argv: the arguments after the program's name; those of the process by default.
        model: what predicts; the shipped model by default.
        package: the installed package to tell of; this one by default.

    Returns:
        The exit code; ``--help`` says what each means.
    """
    try:
        try:
            options = _parse_arguments(argv)
            code = _COMMANDS[options.command](options, model, package or Path(__file__).parent)
        except SystemExit as leaving:  # help, or a wrong command line
            code = int(leaving.code or 0)
        if sys.stdout is not None:  # closed by who started this
            sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return 141
    except OSError as error:
        _drop_output()
        return _fail(f"standard output: cannot be written: {error.strerror}", code=2)
    except KeyboardInterrupt:
        return 130
    return code


def _parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    # As it was started; `python -m` has the path of this file there.
    is_module = Path(sys.argv[0]).name == "__main__.py"
    prog = f"python -m {__package__}" if is_module else NAME
    layout = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog=prog, description=__doc__, epilog=_EPILOG, formatter_class=layout)
    parser.add_argument("--version", action="store_true", help="show the version of the model")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_predict(commands.add_parser("predict", help="predict each row of a table"))
    info = commands.add_parser("info", help="show where the installed model comes from")
    info.add_argument("--json", action="store_true", help="print the whole record, as JSON")
    again = "repeat the predictions that were made when it was packaged"
    _add_forms(commands.add_parser("verify", help=again))
    schema = commands.add_parser("schema", help="print what it reads and answers, as JSON Schema")
    one = schema.add_mutually_exclusive_group()
    one.add_argument("--input", action="store_true", help="only that of what it reads")
    one.add_argument("--output", action="store_true", help="only that of what it answers")
    options = parser.parse_args(argv)
    if options.version:
        options.command = "version"
    elif options.command is None:
        parser.error("COMMAND is missing: predict, info, verify or schema")
    return options


def _add_predict(predict: argparse.ArgumentParser) -> None:
    add = predict.add_argument
    add("file", metavar="FILE|-", help="a table with a header, or - for standard input")
    add("--output", metavar="FILE", help="write it whole or not at all; else to standard output")
    add("--format", choices=("csv", "jsonl"), help="else as FILE's name says: .jsonl is JSON lines")
    add("--delimiter", type=_read_delimiter, metavar="CHARACTER", help="else recognised: , ; tab |")
    sign = "point or comma; else recognised where cells stand between ;"
    add("--decimal", choices=(".", ","), metavar="SIGN", help=sign)
    add("--prefix", default="", metavar="TEXT", help="begins the names of the added columns")
    marking = "write what is wrong into the column `error` instead of stopping there"
    add("--on-error", choices=("stop", "mark"), default="stop", help=f"mark: {marking}")
    _add_forms(predict)
    add("--strict", action="store_true", help="refuse values outside the ranges of training")


def _add_forms(command: argparse.ArgumentParser) -> None:
    form = "the model as arrays, or what scikit-learn fitted; else the one that it was made for"
    command.add_argument("--engine", choices=("portable", "sklearn"), help=form)
    risk = "which may predict wrongly: then run `verify --any-version`"
    text = f"with other packages than those that made the model, {risk}"
    command.add_argument("--any-version", action="store_true", help=text)


def _read_delimiter(text: str) -> str:
    character = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(character) != 1 or character in '"\r\n\0':
        message = f"one character is needed, not {text!r}"
        raise argparse.ArgumentTypeError(message)
    return character


def _predict(options: argparse.Namespace, model: Classifier | None, _: Path) -> int:
    # Only here, as nothing else needs them.
    from oncology_model.job import Job, OutputError, predict  # noqa: PLC0415
    from oncology_model.table import TableError  # noqa: PLC0415

    is_json = options.format == "jsonl" or (options.format is None and _is_json(options.file))
    if _is_json(options.output or "") and not is_json:
        return _fail(f"{options.output}: would hold a table, as FILE does; call it .csv", code=2)
    job = Job(
        options.file,
        options.output,
        is_json=is_json,
        delimiter=options.delimiter,
        decimal=options.decimal,
        prefix=options.prefix,
        marks=options.on_error == "mark",
        strict=options.strict,
    )
    try:
        model = model or Classifier(any_version=options.any_version, engine=options.engine)
        faults = predict(model, job, _tell)
    except (TableError, OutputError) as error:
        place = f"{options.file}: " if isinstance(error, TableError) else ""
        return _fail(f"{place}{error}", code=2)
    except ArtefactError as error:
        return _fail(str(error), code=1)
    except ImportError as error:
        return _fail(f"what the model needs is not installed, {_REINSTALL}: {error}", code=1)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _fail(f"{options.file}: {error.strerror}", code=2)
    return 3 if faults else 0


def _is_json(path: str) -> bool:
    return Path(path).suffix.lower() in {".jsonl", ".ndjson"}


def _inform(options: argparse.Namespace, _: Classifier | None, package: Path) -> int:
    # Only here, as finding the installed wheel takes modules that predictions do not need.
    from oncology_model import installed, provenance  # noqa: PLC0415

    try:
        distribution = installed.find_distribution(package)
        record = provenance.read_provenance(distribution) if distribution else None
        if distribution and record:
            engines = provenance.list_engines(package)
            more = {**provenance.describe(distribution), "engines": engines}
            _print(record if options.json else provenance.render(record, more))
            return 0
    except ValueError as error:
        return _fail(f"the provenance is damaged, {_REINSTALL}: {error}", code=1)
    manifest = provenance.read_manifest(package)
    if manifest is not None and not options.json:
        _print(provenance.render(manifest))
    return _fail(_NO_RECORD, code=1)


def _verify(options: argparse.Namespace, __: Classifier | None, package: Path) -> int:
    from oncology_model import installed, provenance  # noqa: PLC0415 - as above

    try:
        distribution = installed.find_distribution(package)
        record = provenance.read_provenance(distribution) if distribution else None
        if not (distribution and record):
            return _fail(_NO_RECORD, code=1)
        golden = provenance.read_golden(distribution, record)
        LazyModel.takes_any_version, LazyModel.preferred = options.any_version, options.engine
        differences = list(provenance.repeat(golden))
    except ValueError as error:
        return _fail(f"nothing can be verified, {_REINSTALL}: {error}", code=1)
    except ArtefactError as error:
        return _fail(str(error), code=1)
    finally:
        LazyModel.takes_any_version, LazyModel.preferred = False, None
    if differences:
        share = f"{len(differences)} of {len(golden.rows)} golden predictions do not repeat"
        return _fail(f"{share}; the first: {differences[0]}", code=3)
    _print(f"{len(golden.rows)} golden predictions repeat, within {golden.tolerance:g}\n")
    return 0


def _print_schema(options: argparse.Namespace, model: Classifier | None, _: Path) -> int:
    model = model or Classifier()
    try:
        schemas = {"input": model.input_schema(), "output": model.output_schema()}
    except ArtefactError as error:
        return _fail(str(error), code=1)
    name = "input" if options.input else "output" if options.output else None
    _print(json.dumps(schemas[name] if name else schemas, indent=2) + "\n")
    return 0


def _print_version(_: argparse.Namespace, __: Classifier | None, ___: Path) -> int:
    from oncology_model import __version__  # noqa: PLC0415 - it is looked up when it is asked for

    _print(f"{NAME} {__version__}\n")
    return 0


_COMMANDS = {
    "predict": _predict,
    "info": _inform,
    "verify": _verify,
    "schema": _print_schema,
    "version": _print_version,
}


def _print(text: str) -> None:
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    # A terminal may not have all letters.
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _fail(message: str, *, code: int) -> int:
    _tell(message)
    return code


def _tell(message: str) -> None:
    # It may be closed, and what cannot be said there can be said nowhere.
    with contextlib.suppress(AttributeError, OSError):
        sys.stderr.write(f"{NAME}: {message}\n")


def _drop_output() -> None:
    # Python would write what is left of it once more when it ends, and fail with a traceback.
    with contextlib.suppress(AttributeError, OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
