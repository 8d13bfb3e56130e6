"""Renders the pictures of the page that ``--format html`` writes, light and dark. Run it with
``python -m localaws.page_pictures``; ``make pictures`` does it, too."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cdk_instance_role.cli.model import (
    AssociationPlan,
    EnvironmentView,
    Estimate,
    Event,
    InstanceView,
    PermissionChange,
    PlanReport,
    ProfileView,
    RolloutView,
    Verb,
)
from cdk_instance_role.cli.render import page

from .browser import opened
from .ministack import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = ROOT / "docs" / "pictures"
WIDTH, HEIGHT = 1280, 960
VIEW = "#instances&account=111122223333&action=replace&open=i-0a3b0000000000001"

_ROLE = "arn:aws:iam::111122223333:instance-profile"
_WEB = ProfileView("WebProfile", "Web", f"{_ROLE}/WebProfile")
_OLD = ProfileView("OldProfile", "Old", f"{_ROLE}/OldProfile")
_TEAM = ProfileView("TeamProfile", "Team", f"{_ROLE}/TeamProfile")
_ACCOUNTS = ("111122223333", "444455556666")
_REGIONS = ("eu-west-1", "us-east-1")
_LOST = ("s3:PutObject on arn:aws:s3:::uploads/*", "ssm:UpdateInstanceInformation on *")


def main() -> None:
    """Render the pictures."""
    with opened() as browser:
        render(browser)


def render(browser: "Browser") -> None:
    """Render the pictures of the page into the folder of the documentation."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan.html"
        file.write_text(page.text(report()), encoding="utf-8")
        _shoot(browser, file.as_uri(), "light", FOLDER / "plan-page.png")
        _shoot(browser, file.as_uri() + VIEW, "dark", FOLDER / "plan-page-dark.png")


def report() -> PlanReport:
    """A plan of two accounts and two Regions, with something of each kind."""
    places = [(account, region) for account in _ACCOUNTS for region in _REGIONS]
    changed, refused, *others = (_fleet(*place, number) for number, place in enumerate(places))
    return PlanReport(
        (_changing(changed), _refused(refused), *others), (), tuple(EnvironmentView(*place) for place in places)
    )


def _fleet(account: str, region: str, number: int) -> AssociationPlan:
    kept = tuple(
        InstanceView(f"i-0a{number}c{one:013x}", f"web-{one}", "running", Verb.KEEP, "carries the profile", _WEB, _WEB)
        for one in range(1, 25)
    )
    return AssociationPlan("InstanceRole-web", "Web/Fleet", account, region, Event.NONE, _WEB, kept)


def _changing(fleet: AssociationPlan) -> AssociationPlan:
    loses = "loses its connection to Systems Manager: role Web lacks ssm:UpdateInstanceInformation"
    replaced = tuple(
        InstanceView(
            f"i-0a3b{one:013x}",
            f"web-old-{one}",
            "running" if one < 3 else "stopped",
            Verb.REPLACE,
            "replace OldProfile with WebProfile",
            _OLD,
            _WEB,
            (loses,),
        )
        for one in range(1, 4)
    )
    permissions = PermissionChange(
        "Old",
        "Web",
        tuple(one.id for one in replaced),
        policies_lost=("AmazonSSMManagedInstanceCore",),
        actions_lost=_LOST,
        actions_gained=("s3:GetObject on arn:aws:s3:::releases/*",),
        notes=("the instances drop out of Systems Manager",),
    )
    return replace(
        fleet,
        event=Event.UPDATE,
        instances=(*replaced, *fleet.instances),
        permissions=(permissions,),
        estimate=Estimate(4, 0.0, 900.0),
        rollout=RolloutView((1, 2), 300.0, ("web-errors",)),
    )


def _refused(fleet: AssociationPlan) -> AssociationPlan:
    reason = "carries instance profile TeamProfile, which `replaces` does not list"
    conflict = InstanceView("i-0a4d0000000000009", "batch-9", "running", Verb.CONFLICT, reason, _TEAM, _TEAM)
    return replace(fleet, event=Event.UPDATE, instances=(conflict, *fleet.instances))


def _shoot(browser: "Browser", url: str, scheme: Literal["light", "dark"], picture: Path) -> None:
    shown = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme, reduced_motion="reduce")
    shown.goto(url)
    shown.wait_for_selector("html[data-ready]", state="attached")
    shown.wait_for_timeout(300)
    shown.screenshot(path=picture)
    shown.close()


if __name__ == "__main__":
    main()
