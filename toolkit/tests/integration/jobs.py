"""The jobs of CI services, whose scripts run here as the services would run them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from integration.tiny import ROOT, Run, run_to_end

__all__ = ["FRESH", "JenkinsJob", "Job"]

FRESH = "steps.fresh.outputs.folder"
_TOKEN = re.compile(
    r"(?P<stage>\bstage\('(?P<name>[^']+)'\))|\bsh (?:'''(?P<script>.*?)'''|'(?P<line>[^'\n]*)')"
    r"|\bstash name: '(?P<stash>[^']+)', includes: '(?P<includes>[^']+)'"
    r"|\bunstash '(?P<unstash>[^']+)'|(?P<dir>\bdir\(pwd\(tmp: true\) \+ '(?P<below>[^']+)'\))"
    r"|(?P<delete>\bdeleteDir\(\))|(?P<bind>\bwithCredentials\()",
    re.DOTALL,
)


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
        workspace: The folder of the repository.
        variables: The environment of the agent.
        secrets: What is bound around the upload.
        kept: Where the controller keeps what is stashed.
    """

    workspace: Path
    variables: Mapping[str, str]
    secrets: Mapping[str, str]
    kept: Path

    def run(self, only: str = "") -> Iterator[tuple[str, Run]]:
        """Run the stages in their order, or one; yield the stage of each script and its end."""
        text = (self.workspace / "Jenkinsfile").read_text(encoding="utf-8")
        stages = re.sub(r"^\s*//.*", "", text.partition("    post {\n        always")[0],
                        flags=re.MULTILINE)  # fmt: skip
        stage, folder, bound = "", self.workspace, False
        for token in _TOKEN.finditer(stages):
            if token["stage"]:
                stage, folder, bound = token["name"], self.workspace, False
            elif only not in {"", stage}:
                continue
            elif token["dir"]:
                folder = Path(f"{self.workspace}@tmp{token['below']}")
                folder.mkdir(parents=True, exist_ok=True)
            elif token["bind"]:
                bound = True
            elif token["delete"]:
                shutil.rmtree(folder)
            elif token["stash"] or token["unstash"]:
                self._stash(token, folder)
            else:
                script = (token["script"] or token["line"]).replace("\\\n", "")
                yield stage, self._sh(script, folder, self.secrets if bound else {})

    def clean(self) -> Run:
        """Do what a build of main does at its end, whatever became of it."""
        text = (self.workspace / "Jenkinsfile").read_text(encoding="utf-8")
        (cleanup,) = re.findall(r"sh '([^']+)'", text.rpartition(" cleanup {\n")[2])
        return self._sh(cleanup, self.workspace, {})

    def _sh(self, script: str, folder: Path, bound: Mapping[str, str]) -> Run:
        folder.mkdir(parents=True, exist_ok=True)
        places = {"WORKSPACE": str(self.workspace), "PWD": str(folder)}
        variables = {**self.variables, **places, **bound}
        return run_to_end(("sh", "-xe", "-c", script), folder, variables, 1200)

    def _stash(self, token: re.Match[str], folder: Path) -> None:
        if token["unstash"]:
            shutil.copytree(self.kept / token["unstash"], folder, dirs_exist_ok=True)
            return
        for pattern in token["includes"].split(","):
            for path in folder.glob(pattern):
                target = self.kept / token["stash"] / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
