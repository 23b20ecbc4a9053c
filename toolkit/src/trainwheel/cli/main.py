"""The ``trainwheel`` command: publish and verify without a repository or a noxfile.

``status`` and ``why`` show the state of a repository's steps. ``requirements`` lists what a job
without a repository has to install for the command.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from trainwheel.cli.ci import add_annotations, add_summary
from trainwheel.cli.doctor import add_doctor
from trainwheel.cli.hand_over import add_hand_over
from trainwheel.cli.init import add_init, add_update
from trainwheel.cli.models import add_models
from trainwheel.cli.opening import open_here, secret_classes
from trainwheel.cli.status import add_inputs, add_status, add_why
from trainwheel.cli.sync import add_sync
from trainwheel.cli.wheelhouse import add_wheelhouse
from trainwheel.errors import ConfigurationError, StepFailedError, TrainwheelError
from trainwheel.index.registry import Registry
from trainwheel.index.target import EMBEDDED, Target, choose_index
from trainwheel.index.tokens import TokenSource
from trainwheel.install.environments import Installer, uv_cache_or_fallback
from trainwheel.install.routing import routing_of
from trainwheel.requirements.lockfile import local_packages, render_requirements, requirements
from trainwheel.settings.config import parse_config
from trainwheel.settings.schema import render_schema
from trainwheel.settings.tables import IndexSettings
from trainwheel.settings.values import a_positive_number
from trainwheel.steps.promote import check_indexes, promote
from trainwheel.steps.shared.publish import Publisher
from trainwheel.steps.shared.receipt import RECEIPTS, Receipts
from trainwheel.system.console import Console, flush_output, write_output
from trainwheel.system.environ import read_environment
from trainwheel.system.files import read_text
from trainwheel.system.process import handle_termination
from trainwheel.system.secrets import Secrets
from trainwheel.wheel.proof import check_name, parse_proof, read_proof

__all__ = ["main"]

_INDEX_OPTIONS = {
    "url-env": "holds the address of --to",
    "simple-url": "where --to is read",
    "install-url": "where users install from",
    "username-env": "holds the user name for --to",
    "password-env": "holds the password for --to",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: see "Exit codes" in the design."""
    handle_termination()
    secrets = Secrets()
    try:
        arguments = _parser().parse_args(argv, argparse.Namespace(secrets=secrets))
        return arguments.run(arguments) or 0
    except (TrainwheelError, OSError) as problem:
        error = StepFailedError.of_system(problem) if isinstance(problem, OSError) else problem
        _show(error, secrets)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    finally:
        flush_output()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("trainwheel", description="Train a model, ship a wheel.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    upload = commands.add_parser("upload", help="publish proved wheels, each once")
    upload.add_argument("wheels", nargs="+", type=Path, metavar="WHEEL")
    upload.add_argument("--name", help="refuse a wheel of anything else")
    upload.add_argument(
        "--verify", action="store_true",
        help="then install each from the index and repeat its predictions",
    )  # fmt: skip
    _describe_index(upload)
    upload.set_defaults(run=_upload)
    verify = commands.add_parser("verify", help="install a release and repeat its predictions")
    verify.add_argument(
        "release", nargs="?", metavar="NAME==VERSION", help="default: each that has a proof"
    )
    verify.add_argument(
        "--proofs", type=Path, default=Path("build/dist"), metavar="FOLDER",
        help="where the wheel's .proof.json is (default: build/dist)",
    )  # fmt: skip
    _describe_index(verify)
    verify.set_defaults(run=_verify)
    promotion = commands.add_parser("promote", help="copy a release to the next index")
    promotion.add_argument("release", metavar="NAME[==VERSION]", help="without version: the newest")
    promotion.add_argument("--from", dest="source", metavar="NAME", help="the index it is on")
    promotion.set_defaults(run=_promote)
    listing = commands.add_parser(
        "requirements", help="print the locked packages, with digests, for pip or uv"
    )
    listing.add_argument("categories", nargs="+", metavar="CATEGORY", help="of the Pipfile")
    listing.set_defaults(run=_requirements)
    add_status(commands.add_parser("status", help="show the state of the steps; run none"))
    add_why(commands.add_parser("why", help="explain why a step would run again"))
    add_inputs(commands.add_parser("inputs", help="list what a step read, and who read it"))
    add_hand_over(commands.add_parser("hand-over", help="collect what publishes a wheel"))
    add_summary(commands.add_parser("summary", help="sum up the last run, in Markdown"))
    marks = commands.add_parser("annotations", help="mark failed tests, as GitHub reads it")
    add_annotations(marks)
    add_init(commands.add_parser("init", help="make a new model repository"))
    add_update(commands.add_parser("update", help="renew the modules that are not its own"))
    add_doctor(commands.add_parser("doctor", help="check this machine and the repository"))
    add_models(commands.add_parser("models", help="list models"))
    schema = commands.add_parser("schema", help="print a JSON schema of the configuration")
    schema.set_defaults(run=lambda _: write_output(render_schema()))
    add_sync(commands.add_parser("sync", help="write the locked packages into setup.py"))
    wheelhouse = commands.add_parser("wheelhouse", help="fetch all that is locked")
    add_wheelhouse(wheelhouse)
    for command in (upload, verify, promotion):
        command.add_argument("--to", metavar="NAME", help="the index, by its name")
    return parser


def _describe_index(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options that describe an index without a pyproject.toml."""
    for name, text in _INDEX_OPTIONS.items():
        metavar = "VARIABLE" if name.endswith("env") else "URL"
        parser.add_argument(f"--{name}", metavar=metavar, help=text, default="")
    parser.add_argument(
        "--listing-wait", type=_seconds, metavar="SECONDS",
        help="how long an upload to --to may take to be listed",
    )  # fmt: skip


def _seconds(text: str) -> float:
    return a_positive_number(float(text))


def _described(arguments: argparse.Namespace) -> dict[str, IndexSettings]:
    """Return the index that the command line describes."""
    if not arguments.url_env:
        return {}
    if not arguments.to:
        message = "--url-env needs the name of its index"
        raise ConfigurationError(message, hint="add --to NAME")
    names = (name.replace("-", "_") for name in _INDEX_OPTIONS)
    values = {name: getattr(arguments, name) for name in names}
    return {
        arguments.to: IndexSettings(arguments.to, **values, listing_wait=arguments.listing_wait)
    }


def _upload(arguments: argparse.Namespace) -> None:
    publisher = _publisher(arguments, arguments.to, _described(arguments))
    errors: list[TrainwheelError] = []
    for wheel in arguments.wheels:
        try:
            receipts = _receipts(arguments, publisher.registry.target, wheel.parent)
            _upload_one(replace(publisher, receipts=receipts), wheel, arguments)
        except TrainwheelError as error:
            errors.append(error)
    # One wheel does not stop another; `main` shows the last error.
    for earlier in errors[:-1]:
        _show(earlier, arguments.secrets)
    if errors:
        raise errors[-1]


def _upload_one(publisher: Publisher, wheel: Path, arguments: argparse.Namespace) -> None:
    proof = read_proof(wheel)
    if arguments.name:
        check_name(wheel, proof, arguments.name)
    if not publisher.publish(wheel, proof, looks_again=not arguments.verify).is_there:
        return
    if arguments.verify:
        publisher.confirm(proof, _installer(publisher))
    else:
        publisher.announce(proof)


def _show(error: TrainwheelError, secrets: Secrets) -> None:
    for line in (*error.details, error):
        # No console: the configuration may be what is wrong.
        print(secrets.redact(str(line)), file=sys.stderr)  # noqa: T201


def _verify(arguments: argparse.Namespace) -> None:
    publisher = _publisher(arguments, arguments.to, _described(arguments), to_read=True)
    count = 0
    for path in sorted(arguments.proofs.glob("*.proof.json")):
        proof = parse_proof(read_text(path) or "", path.name)
        if arguments.release in {None, f"{proof.name}=={proof.version}"}:
            publisher.confirm(proof, _installer(publisher))
            count += 1
    if count:
        return
    message = f"{arguments.proofs} holds no proof of {arguments.release or 'any release'}"
    raise ConfigurationError(message, hint="name the folder of its .proof.json: --proofs FOLDER")


def _promote(arguments: argparse.Namespace) -> None:
    names = check_indexes(arguments.source, arguments.to)
    name, _, version = arguments.release.partition("==")
    source, target = (_publisher(arguments, each) for each in names)
    summary = promote(name, version or None, source, target, _installer(target))
    target.console.outcome("promote", summary)


def _requirements(arguments: argparse.Namespace) -> None:
    run = open_here()
    packages = requirements(run.workspace.lock, *arguments.categories)
    write_output(render_requirements(packages))
    console = Console(run.environment, sys.stderr)
    for name in local_packages(packages):
        console.notice(f"{name} is skipped: it is a folder, which has no digest")


def _installer(publisher: Publisher) -> Installer:
    environment = publisher.environment
    indexes = _read_indexes(Path.cwd() / "pyproject.toml")
    routing = routing_of(indexes, environment, TokenSource(environment))
    return Installer(environment, routing=routing)


def _publisher(
    arguments: argparse.Namespace,
    name_asked: str | None,
    settings_given: Mapping[str, IndexSettings] = MappingProxyType({}),
    *,
    to_read: bool = False,
) -> Publisher:
    root = Path.cwd()
    settings = {**_read_indexes(root / "pyproject.toml"), **settings_given}
    store = root / ".trainwheel"
    uv_cache_or_fallback(read_environment(), store / "uv-cache")
    environment = read_environment(secret_classes(settings), arguments.secrets)
    console, tokens = Console(environment), TokenSource(environment)
    target = choose_index(name_asked, settings, environment, tokens, to_read=to_read)
    registry = Registry(target, store / "index", notify=console.notice_once)
    receipts = _receipts(arguments, target, getattr(arguments, "proofs", Path()))
    return Publisher(
        environment, console, registry, lambda: Path(sys.executable), receipts,
        records=_records(),
    )  # fmt: skip


def _receipts(arguments: argparse.Namespace, target: Target | None, folder: Path) -> Receipts:
    """Return the receipts of a command, which a command settles that gets the same options.

    Args:
        arguments: Those of this command.
        target: The index.
        folder: Holds the wheel and its proof.
    """
    is_promotion = arguments.run is _promote
    values = {
        "from": arguments.source if is_promotion else "",
        "to": target.name if target else EMBEDDED,
        "proofs": "" if is_promotion else str(folder),
        "listing-wait": getattr(arguments, "listing_wait", None),
        **{name: getattr(arguments, name.replace("-", "_"), "") for name in _INDEX_OPTIONS},
    }
    given = {f"--{name}": str(value) for name, value in values.items() if value not in {"", None}}
    options = itertools.chain.from_iterable(given.items())
    words = ("trainwheel", "promote" if is_promotion else "verify", *options)
    records = _records()
    return Receipts(
        records / RECEIPTS if records else folder, target,
        lambda proof: (*words, f"{proof.name}=={proof.version}"),
    )  # fmt: skip


def _records() -> Path | None:
    """Return the folder of records where steps ran: an upload of their wheel is recorded there."""
    folder = Path.cwd() / "build" / ".trainwheel"
    return folder if folder.is_dir() else None


def _read_indexes(path: Path) -> Mapping[str, IndexSettings]:
    """Return the configured indexes where there is a repository, else none."""
    text = read_text(path)
    return {} if text is None else parse_config(text).indexes


if __name__ == "__main__":
    sys.exit(main())
