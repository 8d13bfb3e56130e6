"""A pull request on the local AWS: the change of the story that replaces profiles, before it is deployed."""

from pathlib import Path

from cdk_instance_role.cli.comment import comment
from cdk_instance_role.cli.model import Exit

from .cdk import Cdk, Result, run_command
from .demo import require
from .fleet import Fleet
from .ministack import ROOT, LocalAws
from .show import Screen
from .story import OLD, Step, Story
from .validation import WITHOUT_VALIDATION

PROGRAM = ROOT / ".venv" / "bin" / "instance-role"
FOLDER, BUCKET = "assembly", "uploads"


class PullRequest:
    """What a pull request would deploy, and what the check of ``.github/workflows/plan.yml`` says about it."""

    def __init__(self, aws: LocalAws, assembly: Path) -> None:
        """
        Args:
            aws: the local AWS, as the main branch has left it.
            assembly: the cloud assembly of the pull request.
        """
        self._aws, self._assembly = aws, assembly

    def comment(self) -> str:
        """The comment, made as the workflow makes it.

        Raises:
            DemoError: a command fails, or sees no change.
        """
        difference = require(Cdk(self._aws, app=str(self._assembly)).diff())
        return comment(self._plan("markdown").output, difference.output)

    def table(self, columns: int) -> str:
        """What ``instance-role plan`` shows in a terminal of some width, with the codes of its colours.

        Raises:
            DemoError: the command fails, or sees no change.
        """
        return self._plan("table", FORCE_COLOR="1", TERM="xterm-256color", COLUMNS=str(columns)).output

    def _plan(self, format_: str, **environment: str) -> Result:
        environment_ = {**self._aws.environment, **environment}
        command = [str(PROGRAM), "plan", "--app", str(self._assembly), "--format", format_]
        return require(run_command(command, ROOT, environment_, errors=False), Exit.CHANGES)


def open_pull_request(screen: Screen, aws: LocalAws) -> PullRequest:
    """Deploy the first step of the story, and synthesize the one that replaces profiles.

    Args:
        screen: where to say what is going on.
        aws: the local AWS, with nothing in it.

    Raises:
        DemoError: a command fails.
    """
    # The comment says nothing of a validation, and the demo validates the same templates.
    cdk, fleet = Cdk(aws, environment={**aws.environment, **WITHOUT_VALIDATION}), Fleet(aws)
    story = Story(fleet, cdk)
    with screen.working("Preparing the account (cdk bootstrap)"):
        require(cdk.bootstrap())
    ids = {view.name: view.id for view in story.launch().values()}
    _give_a_past(fleet, ids["web-2"])
    attach, replace = _step(story, "attach"), _step(story, "replace")
    with screen.working("Deploying what is on the main branch"):
        require(cdk.deploy(context=attach.context))
    assembly = aws.folder / FOLDER
    with screen.working("Synthesizing what the pull request changes"):
        require(cdk.synth(assembly, context=replace.context))
    return PullRequest(aws, assembly)


def _give_a_past(fleet: Fleet, instance_id: str) -> None:
    """What a reviewer has to know: rights that would be lost, and a service that manages an instance."""
    fleet.attach(OLD, "AmazonSSMManagedInstanceCore")
    fleet.allow(OLD, "s3:PutObject", on=f"arn:aws:s3:::{BUCKET}/*", policy="Uploads")
    fleet.tag(instance_id, "ManagedBy", "Terraform")


def _step(story: Story, key: str) -> Step:
    return next(step for step in story.steps() if step.key == key)
