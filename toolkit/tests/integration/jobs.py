"""The jobs of CI services, whose scripts run here as the services would run them."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from integration.tiny import ROOT, Run, TinyProject, run_to_end
from trainwheel.steps.lint import NPM_LINTERS

__all__ = [
    "FRESH", "GROOVY", "JenkinsJob", "Job", "install_groovy", "lock_tools", "place_command",
    "plan_builds", "run_groovy",
]  # fmt: skip

FRESH = "steps.fresh.outputs.folder"
GROOVY = "node_modules/npm-groovy-lint/lib/java/groovy/lib/*"
_STAND_IN = Path(__file__).with_name("stand_ins") / "jenkins.groovy"


@dataclass(frozen=True)
class Job:
    """A job of model.yml or attest.yml.

    Args:
        name: Its name.
        workspace: The folder that the service would start it in.
        variables: The environment of the runner.
        values: What the service puts in for a template.
        artifacts: What earlier jobs handed over.
    """

    name: str
    workspace: Path
    variables: Mapping[str, str]
    values: Mapping[str, str]
    artifacts: Mapping[str, Path] = field(default_factory=dict)

    def run(self, *names: str) -> Run:
        """Run the job's steps in their order, or only those of these names, until one fails."""
        done, values = Run(0, ""), dict(self.values)
        file = "attest" if self.name == "attest" else "model"
        job = YAML(typ="safe").load((ROOT / f".github/workflows/{file}.yml").read_text())["jobs"]
        for step in job[self.name]["steps"]:
            if (names and step["name"] not in names) or done.code != 0:
                continue
            if "download-artifact" in step.get("uses", ""):
                self._download(step["with"], values)
            if "run" in step:
                done = self._run(step, job[self.name].get("env", {}), values)
        return done

    def _download(self, told: Mapping[str, str], values: Mapping[str, str]) -> None:
        name = _fill(told["name"], values)
        if name in self.artifacts:
            target = self.workspace / _fill(told["path"], values)
            shutil.copytree(self.artifacts[name], target, dirs_exist_ok=True)

    def _run(self, step: Mapping[str, Any], env: Mapping[str, str], values: dict[str, str]) -> Run:
        told = {**env, **step.get("env", {})}
        own = {name: _fill(value, values) for name, value in told.items()}
        output = self.workspace.with_name(f"{self.workspace.name}.output")
        folder = self.workspace / _fill(step.get("working-directory", ""), values)
        argv = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"])
        done = run_to_end(argv, folder, {"GITHUB_OUTPUT": str(output), **self.variables, **own})
        if "id" in step and output.is_file():
            lines = (line.partition("=") for line in output.read_text().splitlines())
            values |= {f"steps.{step['id']}.outputs.{key}": value for key, _, value in lines}
        return done


def _fill(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: values.get(found[1], ""), text)


@dataclass(frozen=True)
class JenkinsJob:
    """A job of a Jenkinsfile, on an agent whose workspace it finds as it was left.

    Args:
        groovy: The class path of Groovy, which runs the pipeline.
        workspace: The folder of the repository.
        variables: The environment of the agent.
        credentials: Name → user name and password, or the text or file alone.
        kept: Where the controller keeps what is stashed.
        build: What Jenkins says of the build, such as the name of its branch.
    """

    groovy: str
    workspace: Path
    variables: Mapping[str, str]
    credentials: Mapping[str, Sequence[str]]
    kept: Path
    build: Mapping[str, str] = field(default_factory=dict)

    def run(self, only: str = "") -> Iterator[tuple[str, Run]]:
        """Run the stages in their order, or one; yield the stage of each script and its end."""
        plan = self._plan()
        for step in plan["steps"]:
            if not step["section"] and only in {"", step["stage"]}:
                done = self._do(step, plan["environment"])
                if done is not None:
                    yield step["stage"], done

    def clean(self) -> Run | None:
        """Do what a build does at its end, whatever became of it."""
        plan = self._plan()
        (last,) = (step for step in plan["steps"]
                   if (step["section"], step["stage"]) == ("cleanup", ""))  # fmt: skip
        return self._do(last, plan["environment"])

    def _plan(self) -> dict[str, Any]:
        (plan,) = plan_builds(self.groovy, [(self.workspace / "Jenkinsfile", self.build)])
        return plan

    def _do(self, step: Mapping[str, Any], environment: Mapping[str, str]) -> Run | None:
        folder, given = self.workspace, step["given"]
        if step["folder"]:
            folder = Path(f"{self.workspace}{step['folder']}")
            folder.mkdir(parents=True, exist_ok=True)
        if step["step"] == "sh":
            places = {"WORKSPACE": str(self.workspace), "PWD": str(folder)}
            bound = {name: value for one in step["bound"] for name, value in self._bind(one)}
            variables = {**self.variables, **self.build, **environment, **places, **bound}
            return run_to_end(("sh", "-xe", "-c", given), folder, variables, 1200)
        if step["step"] == "deleteDir":
            shutil.rmtree(folder)
        elif step["step"] == "stash":
            self._stash(given["name"], given["includes"], folder)
        elif step["step"] == "unstash":
            shutil.copytree(self.kept / given, folder, dirs_exist_ok=True)
        return None

    def _bind(self, binding: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        given = binding["given"]
        if binding["kind"] == "withEnv":
            name, _, value = given.partition("=")
            return iter([(name, value)])
        names = [given[key] for key in ("usernameVariable", "passwordVariable", "variable")
                 if key in given]  # fmt: skip
        return zip(names, self.credentials[given["credentialsId"]], strict=True)

    def _stash(self, name: str, includes: str, folder: Path) -> None:
        for pattern in includes.split(","):
            for path in folder.glob(pattern):
                target = self.kept / name / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


def lock_tools(project: TinyProject) -> None:
    """Lock what the command needs as this repository does, for this checkout is not in a lock."""
    lock = json.loads(project.read("Pipfile.lock"))
    develop = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))["develop"]
    lock["develop"] = {name: entry for name, entry in develop.items() if "path" not in entry}
    project.write("Pipfile.lock", json.dumps(lock))


def place_command(root: Path) -> None:
    """Place the command of the library under test where a job has it."""
    path = root / ".venv" / "bin" / "trainwheel"
    path.parent.mkdir(parents=True)
    path.symlink_to(Path(sys.executable).with_name("trainwheel"))


def install_groovy(folder: Path) -> None:
    """Install what lints a Jenkinsfile, by its lock; `GROOVY` is the Groovy in that."""
    shutil.copytree(NPM_LINTERS, folder, dirs_exist_ok=True)
    done = run_to_end(("npm", "ci", "--prefix", str(folder)), folder, os.environ)
    assert done.code == 0, done.output


def run_groovy(groovy: str, *words: str) -> str:
    """Run a script with its arguments; return what it prints."""
    options = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", groovy)
    done = run_to_end(("java", *options, "groovy.ui.GroovyMain", *words), ROOT, os.environ)
    assert done.code == 0, done.output
    return done.output


def plan_builds(
    groovy: str, builds: Iterable[tuple[Path, Mapping[str, str]]]
) -> list[dict[str, Any]]:
    """Return what builds of Jenkinsfiles do: see ``stand_ins/jenkins.groovy``."""
    pairs = json.dumps([(str(file), build) for file, build in builds])
    plans: list[dict[str, Any]] = json.loads(run_groovy(groovy, str(_STAND_IN), str(ROOT), pairs))
    return plans
