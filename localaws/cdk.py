"""Runs the real CDK CLI against the local AWS."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .environment import refuse_remote
from .ministack import ROOT, LocalAws

CDK = ROOT / "node_modules" / ".bin" / "cdk"


@dataclass(frozen=True)
class Result:
    """What a command came to."""

    status: int
    output: str
    """Standard output and error, as they came."""

    @property
    def ok(self) -> bool:
        return self.status == 0


class Cdk:
    """The CDK CLI, for one app on one local AWS."""

    def __init__(self, aws: LocalAws, *, app: str | None = None, folder: Path = ROOT) -> None:
        """
        Args:
            aws: the local AWS.
            app: command of the app. Default: the one that ``cdk.json`` in the folder names.
            folder: where to run.
        """
        self._aws, self._app, self._folder = aws, app, folder

    def bootstrap(self) -> Result:
        """Prepare the account and Region for deployments."""
        # Where there is no app: with one the CLI would synthesize it first.
        return Cdk(self._aws, folder=self._aws.folder).run("bootstrap", f"aws://{self._aws.account}/{self._aws.region}")

    def deploy(self, *stacks: str, context: Mapping[str, Any] | None = None) -> Result:
        """Deploy stacks, all by default.

        Not through a change set: the local AWS misses a change of what ``Fn::GetAtt`` comes to there.
        """
        return self.run(
            "deploy",
            *(stacks or ("--all",)),
            "--method=direct",
            "--require-approval=never",
            "--progress=events",
            context=context,
        )

    def diff(self, *stacks: str, context: Mapping[str, Any] | None = None) -> Result:
        """What a deployment would change in the template."""
        return self.run("diff", *stacks, "--method=template", context=context)

    def destroy(self, *stacks: str, context: Mapping[str, Any] | None = None) -> Result:
        """Delete stacks, all by default."""
        return self.run("destroy", *(stacks or ("--all",)), "--force", context=context)

    def run(self, command: str, *arguments: str, context: Mapping[str, Any] | None = None) -> Result:
        """Run a command of the CLI."""
        refuse_remote(self._aws.environment)
        environment = dict(self._aws.environment)
        environment["PATH"] = f"{ROOT / '.venv' / 'bin'}:{environment['PATH']}"
        finished = subprocess.run(
            [CDK, command, *arguments, *self._options(context or {})],
            cwd=self._folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Result(finished.returncode, finished.stdout)

    def _options(self, context: Mapping[str, Any]) -> Sequence[str]:
        app = ["--app", self._app] if self._app else []
        given = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in context.items()]
        output = ["--output", str(self._aws.folder / "cdk.out")]
        plain = ["--no-color", "--no-notices"]
        return [*app, *output, *plain, *(part for item in given for part in ("--context", item))]
