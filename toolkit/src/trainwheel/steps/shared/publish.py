"""Publish a proved wheel and verify it from the index, for the sessions and the command line."""

from __future__ import annotations

import contextlib
import shlex
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from trainwheel.engine.fingerprint import Fingerprint
from trainwheel.engine.records import Record, withdraw_record, write_record
from trainwheel.engine.run import Run
from trainwheel.errors import ConfigurationError, RefusedError, StepFailedError, TrainwheelError
from trainwheel.evaluation.gate import SKIPPED, Baseline, Rule, evaluate_rules
from trainwheel.index.access import for_uv
from trainwheel.index.embedded import embedded_index
from trainwheel.index.pages import PublishedFile
from trainwheel.index.registry import Registry
from trainwheel.index.target import Target
from trainwheel.index.upload import publish
from trainwheel.index.versions import check_not_lower, describe_preferred, newest_in_series
from trainwheel.install.environments import Installer
from trainwheel.steps.shared.prove import prove
from trainwheel.steps.shared.registry import registry_of
from trainwheel.system.console import Console
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment
from trainwheel.system.files import read_text
from trainwheel.wheel.metadata import list_members, read_name, read_names, read_requirements
from trainwheel.wheel.proof import Proof, parse_proof, proof_path, read_provenance

__all__ = ["Publisher", "Uploaded", "check_name", "compare_late", "publisher_of", "read_proof"]


def read_proof(wheel: Path) -> Proof:
    """Return the proof beside a wheel, and check that it is about this wheel.

    Raises:
        ConfigurationError: The wheel or its proof does not exist.
        StepFailedError: The wheel is not the one that was proved.
    """
    read_name(wheel)
    if not wheel.is_file():
        message = f"{wheel} does not exist"
        raise ConfigurationError(message, hint="make it with: make package.model")
    path = proof_path(wheel)
    if not path.is_file():
        message = f"{path.name} is not beside {wheel.name}"
        raise ConfigurationError(message, hint="keep both files of build/dist together")
    proof = parse_proof(read_text(path) or "", path.name)
    if wheel.name != proof.wheel:
        message = f"{path.name} is the proof of {proof.wheel}"
        raise StepFailedError(message, hint="take the wheel and its proof from one build")
    digest = digest_file(wheel)
    if digest != proof.sha256:
        message = f"{wheel.name} has sha256 {digest[:12]}, but {proof.sha256[:12]} was proved"
        raise StepFailedError(message, hint="take the wheel and its proof from one build")
    return proof


def check_name(wheel: Path, proof: Proof, name: str) -> None:
    """Check that a wheel and its proof are of one distribution only.

    The build may have been changed to build a wheel of anything.

    Raises:
        RefusedError: They are not.
    """
    others = sorted({*read_names(wheel), proof.name} - {canonicalize_name(name)})
    if others:
        message = f"{wheel} is a wheel of {others[0]}, not of {name}"
        raise RefusedError(message, hint="look at what the build did")


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
        log: The file that gets the output of tools.
        records: The folder of records of upload and verification; None to record nothing.
    """

    environment: Environment
    console: Console
    registry: Registry
    python: Callable[[], Path]
    log: Path | None = None
    records: Path | None = None

    def mark(self, proof: Proof) -> Fingerprint:
        """Return what identifies these bytes on this index, for records."""
        where = (
            self.registry.folder.as_posix()
            if self.registry.target is None
            else self.registry.target.simple_url
        )
        return Fingerprint({proof.wheel: proof.sha256}, {"the index": where})

    def publish(self, wheel: Path, proof: Proof) -> Uploaded:
        """Upload a wheel, record that, and print it; raises what `upload` raises."""
        start = time.monotonic()
        result = self.upload(wheel, proof)
        seconds = time.monotonic() - start
        if result.is_there:
            self.record("upload", proof, seconds)
        self.console.outcome("upload", result.summary, seconds)
        return result

    def confirm(self, proof: Proof, wheel: Path | None, installer: Installer) -> None:
        """Verify a published wheel, record that, and print the commands that install it.

        Raises:
            StepFailedError: As for `verify`; then an earlier record of verification is removed.
        """
        start = time.monotonic()
        try:
            self.verify(proof, installer)
        except TrainwheelError:
            # Otherwise the next upload would find the record and queue no verification.
            if self.records is not None:
                withdraw_record(self.records, "verify", self.mark(proof))
            raise
        seconds = time.monotonic() - start
        self.record("verify", proof, seconds)
        self.console.outcome("verify", proof.told, seconds)
        self.announce(proof, wheel)

    def record(self, step: str, proof: Proof, seconds: float = 0.0) -> None:
        """Record that a step has been done with these bytes on this index."""
        if self.records is not None:
            write_record(self.records, Record(step, self.mark(proof), {}, seconds, {}))

    def upload(self, wheel: Path, proof: Proof) -> Uploaded:
        """Publish a wheel, unless a published one has the same content.

        Raises:
            VersionTakenError: The index has other content under this version.
            RefusedError: A metric is worse than the published one by more than the gate allows.
            ConfigurationError: A higher version is published in the release series, or the wheel's
                provenance cannot be read.
            StepFailedError: The index does not answer, or does not list the upload.
        """
        wheels = self.registry.wheels(proof.name)
        if not proof.always and proof.version not in wheels:
            since = self.registry.unchanged_since(wheels, proof.version, proof.release_key)
            if since is not None:
                return Uploaded(f"unchanged since {since}", is_there=False)
        check_not_lower(proof.version, wheels)
        self.console.notice_once(describe_preferred(proof.name, proof.version, wheels))
        if self._has(wheels, proof):
            summary = f"{proof.name} {proof.version} is in {self.registry.label} already, identical"
            return Uploaded(summary, is_there=True)
        compare_late(self.registry, wheels, wheel, proof, self.console)
        # Every upload is verified, even if this run is killed before it queues that.
        if self.records is not None:
            (self.records / "verify.json").unlink(missing_ok=True)
        with self._serve() as target:
            publish(
                target,
                wheel,
                python=self.python(),
                environment=self.environment,
                console=self.console,
                log=self.log,
            )
        self.registry.keep_key(proof.sha256, proof.release_key)
        summary = f"{proof.name} {proof.version} published in {self.registry.label}"
        return Uploaded(summary, is_there=True)

    def holds(self, proof: Proof) -> bool:
        """Return whether the index has exactly this wheel."""
        return self._has(self.registry.wheels(proof.name), proof)

    def verify(self, proof: Proof, installer: Installer) -> None:
        """Install the published wheel into an empty environment and repeat its predictions.

        Raises:
            StepFailedError: The index serves other bytes than were proved, or the wheel predicts
                differently than in training.
        """
        file = self._published(proof)
        digest = file.hashes.get("sha256", proof.sha256)
        if digest != proof.sha256:
            message = f"{self.registry.label} serves {file.filename} with sha256 {digest[:12]}"
            raise StepFailedError(
                message, hint=f"the wheel that was proved has {proof.sha256[:12]}"
            )
        with self._serve() as target:
            line = f"{proof.name}=={proof.version} --hash=sha256:{proof.sha256}\n"
            from_index = Installer(
                self.environment, installer.log, for_uv(target, self.environment.variables)
            )
            prove(proof, line, installer, wheel_installer=from_index)

    def announce(self, proof: Proof, wheel: Path | None) -> None:
        """Print what is published, and commands that install it when pasted into a shell."""
        label = self.registry.label
        self.console.line(
            f"published {proof.name} {proof.version}  sha256 {proof.sha256}  in {label}"
        )
        for label, command in self._install_lines(proof, wheel):
            self.console.command(label, command)

    def _install_lines(self, proof: Proof, wheel: Path | None) -> Iterator[tuple[str, str]]:
        """Yield the label and the text of each command."""
        requirement = f"{proof.name}=={proof.version}"
        if self.registry.target is None:
            where = shlex.quote(str(self.registry.folder))
            yield "install:  ", f"pip install --find-links {where} {requirement}"
        elif self.registry.target.install_url:
            where = shlex.quote(self.registry.target.install_url)
            yield "install:  ", f"pip install --index-url {where} {requirement}"
        else:
            # Not --extra-index-url: pip takes the highest version, also of a namesake on the public
            # index (CVE-2018-20225).
            file = self._published(proof)
            what = shlex.quote(f"{file.url}#sha256={proof.sha256}")
            if file.is_signed:
                # A signed address grants access, so it is secret; the index gives out fresh ones.
                what = f"--index-url {shlex.quote(self.registry.target.simple_url)} {requirement}"
            yield "install:  ", f"pip install --no-deps {what}"
            if wheel is not None and (needs := _needs(wheel)):
                yield "then:     ", f"pip install {shlex.join(needs)}"

    def _published(self, proof: Proof) -> PublishedFile:
        file = self.registry.wheels(proof.name).get(proof.version)
        if file is None:
            message = f"{proof.name} {proof.version} is not published in {self.registry.label}"
            raise StepFailedError(message, hint="publish it first: make upload.model")
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
        log=layout.log(step), records=layout.records,
    )  # fmt: skip


def _needs(wheel: Path) -> tuple[str, ...]:
    """Return what a wheel requires, apart from its extras."""
    requirements = map(Requirement, read_requirements(wheel))
    return tuple(str(line) for line in requirements if "extra" not in str(line.marker or ""))


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
