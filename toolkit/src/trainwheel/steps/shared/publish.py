"""Publish a proved wheel and verify it from the index: for the sessions and for the command."""

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
from trainwheel.errors import ConfigurationError, RefusedError, StepFailedError, TrainwheelError
from trainwheel.evaluation.gate import LEFT_OUT, Baseline, Rule, evaluate_rules
from trainwheel.index.access import for_uv
from trainwheel.index.embedded import embedded_index
from trainwheel.index.pages import PublishedFile
from trainwheel.index.registry import Registry
from trainwheel.index.target import Target
from trainwheel.index.upload import publish
from trainwheel.index.versions import check_not_lower, newest_in_line
from trainwheel.install.environments import Installer
from trainwheel.steps.shared.prove import prove
from trainwheel.system.console import Console
from trainwheel.system.digest import digest_file
from trainwheel.system.environ import Environment
from trainwheel.system.files import read_text
from trainwheel.wheel.metadata import list_members, read_name, read_names, read_requirements
from trainwheel.wheel.proof import Proof, parse_proof, proof_path, read_provenance

__all__ = ["Publisher", "Uploaded", "check_name", "compare_late", "read_proof"]


def read_proof(wheel: Path) -> Proof:
    """Return the proof that stands beside a wheel, which must be the wheel that was proved.

    Raises:
        ConfigurationError: There is no such wheel, or no proof of it.
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
    digest = digest_file(wheel)
    if digest != proof.sha256 or wheel.name != proof.wheel:
        message = f"{wheel.name} has sha256 {digest[:12]}, but {proof.sha256[:12]} was proved"
        raise StepFailedError(message, hint="take the wheel and its proof from one build")
    return proof


def check_name(wheel: Path, proof: Proof, name: str) -> None:
    """Check that a wheel and its proof are of one distribution and of no other.

    Whoever built it may have built a wheel of anything.

    Raises:
        RefusedError: They are not.
    """
    others = sorted({*read_names(wheel), proof.name} - {canonicalize_name(name)})
    if others:
        message = f"{wheel} is a wheel of {others[0]}, not of {name}"
        raise RefusedError(message, hint="look at what the build did")


@dataclass(frozen=True)
class Uploaded:
    """What became of an upload.

    Args:
        summary: What a person is told.
        is_there: Whether the index holds the wheel now; it does not where an earlier release
            ships the same.
    """

    summary: str
    is_there: bool


@dataclass(frozen=True)
class Publisher:
    """Sends wheels to an index and looks at what arrived.

    Args:
        environment: The variables of this run.
        console: Where people are told.
        registry: The index, for reading.
        python: Returns an interpreter whose environment holds twine and pypiserver.
        log: Where the output of tools is kept.
        records: Where it is recorded what was published and verified; None to record nothing.
    """

    environment: Environment
    console: Console
    registry: Registry
    python: Callable[[], Path]
    log: Path | None = None
    records: Path | None = None

    def mark(self, proof: Proof) -> Fingerprint:
        """Return what identifies these bytes on this index, for the records."""
        where = (
            self.registry.folder.as_posix()
            if self.registry.target is None
            else self.registry.target.simple_url
        )
        return Fingerprint({proof.wheel: proof.sha256}, {"the index": where})

    def publish(self, wheel: Path, proof: Proof) -> Uploaded:
        """Upload a wheel, record that it is there, and say so; raises what `upload` raises."""
        started = time.monotonic()
        uploaded = self.upload(wheel, proof)
        seconds = time.monotonic() - started
        if uploaded.is_there:
            self.record("upload", proof, seconds)
        self.console.outcome("upload", uploaded.summary, seconds)
        return uploaded

    def confirm(self, proof: Proof, wheel: Path | None, installer: Installer) -> None:
        """Verify a published wheel, record it, and print how it is installed.

        Raises:
            StepFailedError: As for `verify`; then nothing says any more that it was verified.
        """
        started = time.monotonic()
        try:
            self.verify(proof, installer)
        except TrainwheelError:
            # An upload that finds a verification of the same bytes asks for none.
            if self.records is not None:
                withdraw_record(self.records, "verify", self.mark(proof))
            raise
        seconds = time.monotonic() - started
        self.record("verify", proof, seconds)
        self.console.outcome("verify", proof.told, seconds)
        self.announce(proof, wheel)

    def record(self, step: str, proof: Proof, seconds: float = 0.0) -> None:
        """Record that a step has been done with these bytes on this index."""
        if self.records is not None:
            write_record(self.records, Record(step, self.mark(proof), {}, seconds, {}))

    def upload(self, wheel: Path, proof: Proof) -> Uploaded:
        """Publish a wheel, unless what it ships is published already.

        Raises:
            VersionTakenError: The index holds other content under this version.
            RefusedError: It is worse than what is published, and the gate forbids that.
            ConfigurationError: A higher version is published in the release line, or the wheel's
                record of its model cannot be read.
            StepFailedError: The index does not answer, or does not hold what was sent.
        """
        wheels = self.registry.wheels(proof.name)
        if not proof.always and proof.version not in wheels:
            since = self.registry.unchanged_since(wheels, proof.version, proof.release_key)
            if since is not None:
                return Uploaded(f"unchanged since {since}", is_there=False)
        check_not_lower(proof.version, wheels)
        if self._has(wheels, proof):
            summary = f"{proof.name} {proof.version} is in {self.registry.label} already, identical"
            return Uploaded(summary, is_there=True)
        compare_late(self.registry, wheels, wheel, proof, self.console)
        # What is sent anew is verified anew, also if this run is killed in between.
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
        summary = f"{proof.name} {proof.version} published in {self.registry.label}"
        return Uploaded(summary, is_there=True)

    def holds(self, proof: Proof) -> bool:
        """Return whether the index has this very wheel."""
        return self._has(self.registry.wheels(proof.name), proof)

    def verify(self, proof: Proof, installer: Installer) -> None:
        """Install the published wheel into an empty environment and repeat its predictions.

        Raises:
            StepFailedError: The index does not serve the bytes that were proved, or the wheel
                does not predict as it was trained.
        """
        file = self._published(proof)
        advertised = file.hashes.get("sha256", proof.sha256)
        if advertised != proof.sha256:
            message = f"{self.registry.label} serves {file.filename} with sha256 {advertised[:12]}"
            raise StepFailedError(message, hint=f"proved was {proof.sha256[:12]}")
        with self._serve() as target:
            line = f"{proof.name}=={proof.version} --hash=sha256:{proof.sha256}\n"
            bound = Installer(
                self.environment, installer.log, for_uv(target, self.environment.variables)
            )
            prove(proof, line, installer, wheel_installer=bound)

    def announce(self, proof: Proof, wheel: Path | None) -> None:
        """Print what is published and the lines that install it, which work as printed."""
        label = self.registry.label
        self.console.line(
            f"published {proof.name} {proof.version}  sha256 {proof.sha256}  in {label}"
        )
        for label, command in self._install_lines(proof, wheel):
            self.console.command(label, command)

    def _install_lines(self, proof: Proof, wheel: Path | None) -> Iterator[tuple[str, str]]:
        """Yield what each command is for, and the command."""
        pinned = f"{proof.name}=={proof.version}"
        if self.registry.target is None:
            where = shlex.quote(str(self.registry.folder))
            yield "install:  ", f"pip install --find-links {where} {pinned}"
        elif self.registry.target.install_url:
            where = shlex.quote(self.registry.target.install_url)
            yield "install:  ", f"pip install --index-url {where} {pinned}"
        else:
            # Never --extra-index-url: pip would take a namesake from the public index.
            file = self._published(proof)
            what = shlex.quote(f"{file.url}#sha256={proof.sha256}")
            if file.is_signed:
                # Such an address is a secret; the index hands out a fresh one to whoever asks.
                what = f"--index-url {shlex.quote(self.registry.target.simple_url)} {pinned}"
            yield "install:  ", f"pip install --no-deps {what}"
            if wheel is not None and (needs := _needs(wheel)):
                yield "then:     ", f"pip install {shlex.join(needs)}"

    def _published(self, proof: Proof) -> PublishedFile:
        file = self.registry.wheels(proof.name).get(proof.version)
        if file is None:
            message = f"{self.registry.label} has no {proof.name} {proof.version}"
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


def _needs(wheel: Path) -> tuple[str, ...]:
    """Return what a wheel requires whichever of its extras are asked for."""
    requirements = map(Requirement, read_requirements(wheel))
    return tuple(str(one) for one in requirements if "extra" not in str(one.marker or ""))


_RECORD = ".dist-info/trainwheel/provenance.json"
_KEYS = frozenset(entry.name for entry in fields(Rule)) - {"metric"}
_LIMITS = {"minimum": None, "maximum": None}
"""They need nothing that is published: the build has checked them."""


def compare_late(
    registry: Registry,
    wheels: Mapping[str, PublishedFile],
    wheel: Path,
    proof: Proof,
    console: Console,
) -> None:
    """Check the drops that the gate allows, unless they were checked against what is published.

    Args:
        registry: The index.
        wheels: Version → file of what is published.
        wheel: The wheel to publish.
        proof: What was proved of it.
        console: Where people are told.

    Raises:
        RefusedError: A metric is worse than allowed, or the wheel asks what this version does not
            know.
        ConfigurationError: This version cannot read what the wheel says of its model.
    """
    newest = newest_in_line(proof.version, wheels)
    if newest is None or newest == proof.compared_with:
        return
    if not any(member.endswith(_RECORD) for member in list_members(wheel)):
        return  # a wheel of another tool asks for nothing
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
        message = f"the gate does not let this model pass: {failures[0]}"
        raise RefusedError(message, hint="train a better one, or change tool.trainwheel.gate")
    skipped = [check.metric for check in verdict.checks if check.outcome == LEFT_OUT]
    for metric in skipped:
        console.notice(f"{metric} is not compared with {newest}, which has no such metric")
    if len(skipped) < len(drops):
        console.notice(f"compared with {newest}: no metric is worse than the gate allows")


def _drops(wheel: Path, gate: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Return the drops that the gate allowed when a wheel was packaged.

    Raises:
        RefusedError: Whether a rule is kept cannot be said, for this version does not know it.
    """
    if unknown := [metric for metric, values in gate.items() if not _is_rule(values)]:
        message = f"{wheel.name} asks of {unknown[0]} what this version does not know"
        hint = "publish it with the version of trainwheel that packaged it"
        raise RefusedError(message, hint=hint)
    rules = (Rule(metric, **{**values, **_LIMITS}) for metric, values in gate.items())
    return tuple(rule for rule in rules if rule.compares)


def _is_rule(values: object) -> bool:
    return isinstance(values, dict) and all(
        name in _KEYS and isinstance(value, str if name == "direction" else int | float)
        for name, value in values.items()
    )
