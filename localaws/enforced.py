"""The chapter about enforcement: an instance that is launched after the deployment, and a profile that is removed.

The demo shows it, the end-to-end tests assert it.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .cdk import Cdk, Result, run_command
from .fleet import Fleet
from .ministack import ROOT

ROLE = "fleet"
STACK = f"InstanceRole-{ROLE}"
TAGS = {"app": "fleet"}
SECONDS = 30.0
"""The most seconds that a step may take."""
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Arrival:
    """An instance that came after the deployment."""

    id: str
    seconds: float
    """From its launch until it carried the profile."""


class Enforced:
    """A stack that enforces what it has deployed, and the instances that it selects by a tag."""

    def __init__(self, fleet: Fleet, cdk: Cdk) -> None:
        """
        Args:
            fleet: where to launch instances. The local AWS sends EC2's events about them.
            cdk: the CLI with the app of this repository, on a bootstrapped account.
        """
        self._fleet, self._cdk = fleet, cdk
        entry = {
            "managed_policies": ["AmazonS3ReadOnlyAccess"],
            "instance_tags": {key: [value] for key, value in TAGS.items()},
            # The local AWS does not say when an instance was first launched, so each launch counts for the limit.
            "enforcement": {"mode": "repair", "every_minutes": 15, "max_changes": 100},
        }
        self.context: Mapping[str, str] = {"instance_roles": json.dumps({ROLE: entry})}

    def deploy(self) -> Result:
        """Launch an instance with the tag, and deploy."""
        self._fleet.launch(name="fleet-1", tags=TAGS)
        return self._cdk.deploy(context=self.context)

    def launch(self) -> Arrival:
        """Launch another instance, and wait until it carries the profile.

        Raises:
            TimeoutError: it does not get it.
        """
        began = time.monotonic()
        id_ = self._fleet.launch(name="fleet-2", tags=TAGS)
        self._wait(lambda: self.carries_ours(id_), f"{id_} has got no profile")
        return Arrival(id_, time.monotonic() - began)

    def remove_profile(self, instance_id: str) -> None:
        """A change that somebody makes by hand."""
        self._fleet.remove_profile(instance_id)

    def reconcile(self) -> Result:
        """Let enforcement look at everything now, and not only in the next sweep."""
        command = ["instance-role", "reconcile", STACK, "--yes", "--app", "python app.py"]
        context = [part for key, value in self.context.items() for part in ("--context", f"{key}={value}")]
        return run_command([*command, *context], ROOT, self._cdk.environment_for(self.context))

    def destroy(self) -> Result:
        """Delete the stack."""
        return self._cdk.destroy(context=self.context)

    def carries_ours(self, instance_id: str) -> bool:
        """Whether an instance carries the profile of the stack, as EC2 has confirmed."""
        view = self._fleet.look()[instance_id]
        return view.association == "associated" and f"/{STACK}/" in (view.profile_arn or "")

    def _wait(self, is_so: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not is_so():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{otherwise} within {SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)
