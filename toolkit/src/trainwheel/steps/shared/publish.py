"""Publish a proved wheel and verify it from the index, for the sessions and the command line."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.records import Record, withdraw_record, write_record
from trainwheel.engine.run import Run
from trainwheel.errors import ConfigurationError, RefusedError, StepFailedError, TrainwheelError
from trainwheel.evaluation.gate import SKIPPED, Baseline, Rule, evaluate_rules
from trainwheel.index.address import origin
from trainwheel.index.client import SimpleIndex
from trainwheel.index.embedded import embedded_index
from trainwheel.index.pages import PublishedFile, files_like
from trainwheel.index.patience import PATIENCE, Patience
from trainwheel.index.registry import Registry
from trainwheel.index.target import Target
from trainwheel.index.upload import await_listing, describe_taken, publish
from trainwheel.index.versions import check_not_lower, describe_preferred, newest_in_series
from trainwheel.install.environments import Installer
from trainwheel.install.printed import InstallLine, Way, install_as_printed
from trainwheel.steps.shared.prove import prove
from trainwheel.steps.shared.receipt import Receipts, receipts_of
from trainwheel.steps.shared.registry import registry_of
from trainwheel.system.console import Console
from trainwheel.system.environ import Environment
from trainwheel.wheel.metadata import list_members, read_requirements
from trainwheel.wheel.proof import Proof, read_provenance

__all__ = ["Publisher", "Uploaded", "compare_late", "publisher_of"]


@dataclass(frozen=True)
class Uploaded:
    """The result of an upload.

    Args:
        summary: One line for the console.
        is_there: Whether the index has the wheel now; not if an earlier release ships the same.
    """

    summary: str
    is_there: bool


@dataclass(frozen=True)
class Publisher:
    """Uploads wheels to an index and verifies what it serves.

    Args:
        environment: The variables of this run.
        console: For notices and results.
        registry: The index.
        python: Returns an interpreter that can import twine and pypiserver.
        receipts: Those of uploads that may have arrived.
        log: The file that gets the output of tools.
        records: The folder of records of upload and verification; None to record nothing.
        patience: How long to wait and how often to try.
        sent: The marks of what this run has uploaded.
    """

    environment: Environment
    console: Console
    registry: Registry
    python: Callable[[], Path]
    receipts: Receipts
    log: Path | None = None
    records: Path | None = None
    patience: Patience = PATIENCE
    sent: set[str] = field(default_factory=set)

    def mark(self, proof: Proof) -> Fingerprint:
        """Return what identifies these bytes on this index, for records."""
        where = (
            self.registry.folder.as_posix()
            if self.registry.target is None
            else self.registry.target.simple_url
        )
        return Fingerprint({proof.wheel: proof.sha256}, {"the index": where})

    def publish(self, wheel: Path, proof: Proof, *, looks_again: bool = False) -> Uploaded:
        """Upload a wheel, record that, and print it; takes and raises what `upload` does."""
        start = time.monotonic()
        result = self.upload(wheel, proof, looks_again=looks_again)
        seconds = time.monotonic() - start
        if result.is_there:
            self.record("upload", proof, seconds)
        self.console.outcome("upload", result.summary, seconds)
        return result

    def confirm(self, proof: Proof, installer: Installer) -> None:
        """Verify a published wheel, record that, and print the command that installed it.

        Raises:
            StepFailedError: As for `verify`; then an earlier record of verification is removed.
        """
        start = time.monotonic()
        try:
            line = self.verify(proof, installer)
        except TrainwheelError:
            # Otherwise the next upload would find the record and queue no verification.
            if self.records is not None:
                withdraw_record(self.records, "verify", self.mark(proof))
            raise
        seconds = time.monotonic() - start
        if self.receipts.hold(proof):
            self.record("upload", proof)
        self.record("verify", proof, seconds)
        self.console.outcome("verify", proof.told, seconds)
        self.announce(proof, line)

    def record(self, step: str, proof: Proof, seconds: float = 0.0) -> None:
        """Record that a step has been done with these bytes on this index."""
        if self.records is not None:
            write_record(self.records, Record(step, self.mark(proof), {}, seconds, {}))
        self.receipts.remove(proof)

    def upload(self, wheel: Path, proof: Proof, *, looks_again: bool = False) -> Uploaded:
        """Publish a wheel, unless a published one has the same content.

        Args:
            wheel: The file.
            proof: Its proof.
            looks_again: Read the index once more a moment later, as no verification follows.

        Raises:
            VersionTakenError: The index has other content under this version.
            RefusedError: A metric is worse than the published one by more than the gate allows.
            ConfigurationError: A higher version is published in the release series, or the wheel's
                provenance cannot be read.
            StepFailedError: The index does not answer, or refuses the wheel.
            UncertainError: It may have the wheel, and does not list it.
        """
        wheels = self.registry.wheels(proof.name)
        if not proof.always and proof.version not in wheels:
            since = self.registry.unchanged_since(wheels, proof.version, proof.release_key)
            if since is not None:
                return Uploaded(f"unchanged since {since}", is_there=False)
        check_not_lower(proof.version, wheels)
        self.console.notice_once(describe_preferred(proof.name, proof.version, wheels))
        if self._has(wheels, proof):
            self.receipts.remove(proof)
            summary = f"{proof.name} {proof.version} is in {self.registry.label} already, identical"
            return Uploaded(summary, is_there=True)
        compare_late(self.registry, wheels, wheel, proof, self.console)
        # Every upload is verified, even if this run is killed before it queues that.
        if self.records is not None:
            (self.records / "verify.json").unlink(missing_ok=True)
        was_sent = self.receipts.hold(proof)
        with self._serve() as target, self.receipts.settling(proof):
            publish(
                target,
                wheel,
                python=self.python(),
                environment=self.environment,
                console=self.console,
                log=self.log,
                patience=self.patience,
                # The embedded index overwrites nothing.
                looks_again=looks_again and self.registry.target is not None,
                was_sent=was_sent,
            )
        self.receipts.remove(proof)
        self.sent.add(self.mark(proof).key)
        self.registry.keep_key(proof.sha256, proof.release_key)
        summary = f"{proof.name} {proof.version} published in {self.registry.label}"
        return Uploaded(summary, is_there=True)

    def holds(self, proof: Proof) -> bool:
        """Return whether the index has exactly this wheel."""
        return self._has(self.registry.wheels(proof.name), proof)

    def verify(self, proof: Proof, installer: Installer) -> InstallLine:
        """Install the published wheel into an empty environment and repeat its predictions.

        Returns:
            The command that has installed it.

        Raises:
            VersionTakenError: The index lists other bytes than were proved.
            UncertainError: It was sent the wheel, and does not list it.
            StepFailedError: It does not have the release, no command installs it, or the wheel
                predicts differently than in training.
        """
        file = self._published(proof)
        lines: list[InstallLine] = []

        def install(home: Path) -> None:
            ways = self._ways(proof, file)
            lines.append(install_as_printed(ways, home, installer, self.python()))

        prove(proof, install, installer, is_last=True)
        return lines[0]

    def announce(self, proof: Proof, line: InstallLine | None = None) -> None:
        """Print what is published, and the command that has installed it."""
        label = self.registry.label
        self.console.line(
            f"published {proof.name} {proof.version}  sha256 {proof.sha256}  in {label}"
        )
        if line is not None:
            self.console.command("install:  ", line.command)
        if line is not None and line.password:
            self.console.line(f"password: {line.password}")

    def _ways(self, proof: Proof, file: PublishedFile) -> Iterator[Way]:
        """Yield the ways to install a release, the best one first."""
        target, requirement = self.registry.target, f"{proof.name}=={proof.version}"
        if target is None:
            path = self.registry.folder.resolve() / file.filename
            yield Way(((str(path),),))
            # For pip some characters of a folder's name begin something else.
            yield Way(((path.as_uri(),),))
            return
        if target.install_url:
            users = replace(target, simple_url=target.install_url)
            is_own = origin(users.simple_url) == origin(target.simple_url)
            users = users if is_own else replace(users, username=None, password=None)
            if self._offers(users, proof):
                yield _way((("--index-url", target.install_url, requirement),), users)
        if not file.is_signed:
            # Not --extra-index-url: pip takes the highest version, also of a namesake on the public
            # index (CVE-2018-20225).
            yield _way(((f"{file.url}#sha256={proof.sha256}",),), target)
            return
        # A signed address grants access, so it is secret; the index gives out fresh ones.
        with tempfile.TemporaryDirectory(prefix="trainwheel-") as folder:
            needs = _needs(self.registry.fetch(file, Path(folder)))
        alone = ("--no-deps", "--index-url", target.simple_url, requirement)
        yield _way((alone, *((needs,) if needs else ())), target)

    def _offers(self, users: Target, proof: Proof) -> bool:
        """Return whether the index that users install from offers exactly this wheel already."""
        try:
            index = SimpleIndex(users, notify=self.console.notice_once)
            files = files_like(index.files(proof.name), proof.wheel)
            if {index.digest_of(file) for file in files} == {proof.sha256}:
                return True
            reason = "lists other content" if files else "does not list it yet"
        except TrainwheelError as error:
            reason = error.message
        self.console.notice(f"the install-url of index {users.name} is not printed: it {reason}")
        return False

    def _published(self, proof: Proof) -> PublishedFile:
        """Return the file that the index lists; wait for it where it was sent a moment ago."""
        target, file = self.registry.target, self.registry.wheels(proof.name).get(proof.version)
        was_there = self.mark(proof).key in self.sent
        is_awaited = was_there or self.receipts.hold(proof)
        if file is None and target is not None and is_awaited:
            with self.receipts.settling(proof):
                await_listing(target, proof.wheel, proof.sha256, self.console, self.patience)
            file = self.registry.wheels(proof.name).get(proof.version)
        if file is None:
            message = f"{proof.name} {proof.version} is not published in {self.registry.label}"
            raise StepFailedError(message, hint="publish it first: make upload.model")
        digest = file.hashes.get("sha256", proof.sha256)
        if digest != proof.sha256:
            self.receipts.remove(proof)
            where, digests = (self.registry.label, file.filename), (digest, proof.sha256)
            raise describe_taken(*where, *digests, was_there=was_there)
        return file

    def _has(self, wheels: Mapping[str, PublishedFile], proof: Proof) -> bool:
        file = wheels.get(proof.version)
        return file is not None and file.hashes.get("sha256") == proof.sha256

    def _serve(self) -> contextlib.AbstractContextManager[Target]:
        if self.registry.target is not None:
            return contextlib.nullcontext(self.registry.target)
        return embedded_index(
            self.registry.folder, self.python(), self.environment, protect_reads=True
        )


def publisher_of(run: Run, step: str, name_asked: str | None) -> Publisher:
    """Return a publisher for the index of this run."""
    layout, registry = run.workspace.layout, registry_of(run, name_asked)
    return Publisher(
        run.environment, run.console, registry, python=lambda: run.tools.python("upload"),
        receipts=receipts_of(run, step, registry.target),
        log=layout.log(step), records=layout.records,
        sent=run.once("the wheels that were uploaded", set[str]),
    )  # fmt: skip


def _needs(wheel: Path) -> tuple[str, ...]:
    """Return what a wheel requires, apart from its extras."""
    requirements = map(Requirement, read_requirements(wheel))
    return tuple(str(line) for line in requirements if "extra" not in str(line.marker or ""))


def _way(calls: tuple[tuple[str, ...], ...], target: Target) -> Way:
    is_open = target.password is not None and SimpleIndex(target).is_open()
    return Way(calls, target, is_open=is_open)


_RECORD = ".dist-info/trainwheel/provenance.json"
_KEYS = frozenset(entry.name for entry in fields(Rule)) - {"metric"}
_LIMITS = {"minimum": None, "maximum": None}
"""The build has checked these: they depend on nothing that is published."""


def compare_late(
    registry: Registry,
    wheels: Mapping[str, PublishedFile],
    wheel: Path,
    proof: Proof,
    console: Console,
) -> None:
    """Check the drops that the gate allows, unless the build has compared with this baseline.

    Args:
        registry: The index.
        wheels: Version → file of what is published.
        wheel: The wheel to publish.
        proof: Its proof.
        console: For notices and results.

    Raises:
        RefusedError: A metric is worse than allowed, or this version of trainwheel does not know a
            rule of the wheel.
        ConfigurationError: This version of trainwheel cannot read the wheel's provenance.
    """
    newest = newest_in_series(proof.version, wheels)
    if newest is None or newest == proof.compared_with:
        return
    if not any(member.endswith(_RECORD) for member in list_members(wheel)):
        return  # a wheel that another tool built
    new = read_provenance(wheel)
    drops = _drops(wheel, new.gate or {})
    if not drops:
        return
    try:
        with tempfile.TemporaryDirectory(prefix="trainwheel-") as folder:
            old = read_provenance(registry.fetch(wheels[newest], Path(folder)))
    except ConfigurationError as error:
        console.notice(f"not compared with {newest}: {error.message}")
        return
    verdict = evaluate_rules(drops, new.metrics, Baseline(newest, metrics=old.metrics))
    if failures := verdict.failures():
        message = f"the model does not pass the gate: {failures[0]}"
        raise RefusedError(message, hint="train a better one, or change tool.trainwheel.gate")
    skipped = [check.metric for check in verdict.checks if check.outcome == SKIPPED]
    if skipped:
        reason = f"not in the metrics of the baseline {newest}"
        console.notice(f"skipped {', '.join(skipped)}: {reason}")
    if len(skipped) < len(drops):
        console.notice(f"compared with {newest}: no metric is worse than the gate allows")


def _drops(wheel: Path, gate: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Return the rules about drops from the time when a wheel was packaged.

    Raises:
        RefusedError: This version of trainwheel does not know a rule.
    """
    if unknown := [metric for metric, values in gate.items() if not _is_rule(values)]:
        message = f"{wheel.name} has a rule for {unknown[0]} that this version does not know"
        hint = "publish it with the version of trainwheel that packaged it"
        raise RefusedError(message, hint=hint)
    rules = (Rule(metric, **{**values, **_LIMITS}) for metric, values in gate.items())
    return tuple(rule for rule in rules if rule.compares)


def _is_rule(values: object) -> bool:
    return isinstance(values, dict) and all(
        name in _KEYS and isinstance(value, str if name == "direction" else int | float)
        for name, value in values.items()
    )
