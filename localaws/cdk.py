"""Runs the real CDK CLI against the local AWS."""

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .environment import refuse_remote
from .ministack import ROOT, LocalAws, stop_group

CDK = ROOT / "node_modules" / ".bin" / "cdk"
MAX_SECONDS = 300.0
STOP_SECONDS = 5.0

_FAILED_DEPLOYMENT = re.compile(r"DeploymentError:.*?\bError: (?P<reason>.*?)(?:\n\s*\n|\Z)", re.DOTALL)
_FAILED_SYNTHESIS = re.compile(r"^error: (?P<reason>.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Result:
    """The outcome of a command."""

    status: int
    output: str
    """Standard output and error, in their order."""

    @property
    def ok(self) -> bool:
        return self.status == 0

    @property
    def reason(self) -> str:
        """The sentence that says why a command has failed, on one line: the app's or the function's own.

        The CLI breaks it into lines, and surrounds it with the stack of the provider framework and with logs.
        """
        found = _FAILED_DEPLOYMENT.search(self.output) or _FAILED_SYNTHESIS.search(self.output)
        return " ".join(found["reason"].split()) if found else ""


class Cdk:
    """The CDK CLI, for one app on one local AWS."""

    def __init__(
        self,
        aws: LocalAws,
        *,
        app: str | None = None,
        folder: Path = ROOT,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """
        Args:
            aws: the local AWS.
            app: command of the app, or its cloud assembly. Default: what ``cdk.json`` in the folder names.
            folder: where to run.
            environment: what the CLI gets for an environment. Default: that of the local AWS.
        """
        self._aws, self._app, self._folder = aws, app, folder
        self._environment = aws.environment if environment is None else environment

    def bootstrap(self) -> Result:
        """Prepare the account and Region for deployments."""
        # Where there is no app: with one the CLI would synthesize it first.
        return Cdk(self._aws, folder=self._aws.folder).run("bootstrap", f"aws://{self._aws.account}/{self._aws.region}")

    def deploy(self, *stacks: str, context: Mapping[str, Any] | None = None) -> Result:
        """Deploy stacks, all by default.

        Not through a change set: with one, the local AWS misses changed values of ``Fn::GetAtt``.
        """
        return self.run(
            "deploy",
            *(stacks or ("--all",)),
            "--method=direct",
            "--require-approval=never",
            "--progress=events",
            context=context,
        )

    def synth(self, assembly: Path, context: Mapping[str, Any] | None = None) -> Result:
        """Write the cloud assembly of all stacks into a folder."""
        return self.run("synth", "--quiet", context=context, output=assembly)

    def diff(self, *stacks: str, context: Mapping[str, Any] | None = None) -> Result:
        """What a deployment would change in the template."""
        return self.run("diff", *stacks, "--method=template", context=context)

    def destroy(self, *stacks: str, context: Mapping[str, Any] | None = None) -> Result:
        """Delete stacks, all by default."""
        return self.run("destroy", *(stacks or ("--all",)), "--force", context=context)

    def run(
        self, command: str, *arguments: str, context: Mapping[str, Any] | None = None, output: Path | None = None
    ) -> Result:
        """Run a command of the CLI.

        Args:
            command: the command.
            arguments: its own arguments and options.
            context: context of the app.
            output: where the cloud assembly is written to. Default: a folder that is deleted afterwards.

        Raises:
            TimeoutError: it did not end.
        """
        # A separate folder for every run, so that several can run at once.
        with tempfile.TemporaryDirectory(prefix="cdk.out.", dir=self._aws.folder) as scratch:
            options = self._options(context or {}, output or Path(scratch))
            return self._execute([command, *arguments, *options], self.environment_for(context))

    def _execute(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Result:
        return run_command([str(CDK), *arguments], self._folder, environment)

    def environment_for(self, context: Mapping[str, Any] | None) -> Mapping[str, str]:  # noqa: ARG002
        """The environment of commands with a context of the app; here it is that of all commands."""
        return self._environment

    def _options(self, context: Mapping[str, Any], output: Path) -> Sequence[str]:
        app = ["--app", self._app] if self._app else []
        given = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in context.items()]
        plain = ["--no-color", "--no-notices"]
        return [*app, "--output", str(output), *plain, *(part for item in given for part in ("--context", item))]


def with_path(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which what ``make setup`` has installed is found."""
    path = os.pathsep.join([str(ROOT / ".venv" / "bin"), environment.get("PATH", os.defpath)])
    return {**environment, "PATH": path}


def run_command(command: Sequence[str], folder: Path, environment: Mapping[str, str], *, errors: bool = True) -> Result:
    """Run a command that can reach a local AWS and no other.

    Args:
        command: the command; what ``make setup`` has installed is found.
        folder: where to run.
        environment: that of a local AWS.
        errors: whether standard error belongs to the output.

    Raises:
        TimeoutError: it did not end.
    """
    refuse_remote(environment)
    # The command may start processes of its own. In a group they can all be stopped, whatever interrupts us.
    with subprocess.Popen(
        command,
        cwd=folder,
        env=with_path(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if errors else subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=MAX_SECONDS)
        except subprocess.TimeoutExpired:
            stop_group(process, STOP_SECONDS)
            raise TimeoutError(f"{command[1]} did not end within {MAX_SECONDS:.0f} s") from None
        except BaseException:
            stop_group(process, STOP_SECONDS)
            raise
    return Result(process.returncode, output)
