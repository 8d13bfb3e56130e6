"""Reports as the commands would make them, for the tests of every format."""

from dataclasses import replace

from cdk_instance_role.cli.enforcement_plan import (
    EnforcementPlan,
    OverlapView,
    SweepChange,
    SweepPause,
    SweepPlan,
)
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
from cdk_instance_role.cli.status_model import (
    AssociationStatus,
    EnforcementStatus,
    FindingView,
    HeldView,
    LatestChange,
    OffView,
    PauseView,
    StatusReport,
)

ACCOUNT, REGION = "111122223333", "eu-west-1"
SINCE = 1_764_035_006.4

WANTED = ProfileView("WebProfile", "Web", f"arn:aws:iam::{ACCOUNT}:instance-profile/WebProfile")
NEW = ProfileView("Web/InstanceProfile")
OLD = ProfileView("OldProfile", "Old", f"arn:aws:iam::{ACCOUNT}:instance-profile/OldProfile")
FOREIGN = ProfileView("ForeignProfile", "Foreign", f"arn:aws:iam::{ACCOUNT}:instance-profile/team/ForeignProfile")
INVENTED = ProfileView(
    "InstanceRole-batch-InstanceRoleInstanceProfile7D8D8249-Qx2Fh0aGdV1c",
    "InstanceRole-batch-InstanceRoleA57500A0-9sKcJ0ZtW3mN",
    f"arn:aws:iam::{ACCOUNT}:instance-profile/InstanceRole-batch-InstanceRoleInstanceProfile7D8D8249-Qx2Fh0aGdV1c",
)
"""With names as CloudFormation makes them up."""

NASTY = "a|b`c\n<img src=x>\x1b[31m@everyone *d* [e](http://f) #1"
"""What somebody may have written into a tag."""

KEPT = "carries the profile"


def instance_id(number: int) -> str:
    return f"i-{number:017x}"


def view(
    number: int,
    verb: Verb,
    reason: str,
    current: ProfileView | None = None,
    planned: ProfileView | None = None,
    *,
    name: str | None = None,
    state: str = "running",
    warnings: tuple[str, ...] = (),
) -> InstanceView:
    """An instance of a plan."""
    shown = f"web-{number}" if name is None else name
    tags = (("Name", shown), ("app", "web"))
    return InstanceView(instance_id(number), shown, state, verb, reason, current, planned, warnings, tags)


def plan_of(
    *instances: InstanceView,
    association: str = "Web/Association",
    event: Event = Event.UPDATE,
    profile: ProfileView | None = WANTED,
    permissions: tuple[PermissionChange, ...] = (),
    problems: tuple[str, ...] = (),
    warnings: tuple[str, ...] = (),
    unseen: tuple[str, ...] = (),
    estimate: Estimate | None = None,
    rollout: RolloutView | None = None,
) -> AssociationPlan:
    """What a deployment does about one association."""
    return AssociationPlan(
        "InstanceRole-web",
        association,
        ACCOUNT,
        REGION,
        event,
        profile,
        instances,
        permissions,
        problems,
        warnings,
        unseen,
        estimate or Estimate(),
        rollout,
    )


def to_be_enforced() -> PlanReport:
    """Associations that enforcement will change, that it only reports about, and that a deployment changes."""
    reason = (
        "7 instances would be given the profile, and 0 of 5 changes of this kind in an hour were made or begun already"
    )
    ids = tuple(map(instance_id, (1, 2, 3, 4, 5)))
    changes = tuple(SweepChange(id_, "giving", "associate WebProfile", id_ == ids[4]) for id_ in ids)
    sweep = SweepPlan(changes, (SweepPause("giving", reason, has_begun=False),), 5)
    overlap = OverlapView("Admin of stack Admins", ids, 2)
    repaired = EnforcementPlan("repair", 900.0, "10%", ids, sweep, (overlap,), ("anyone who may set the tags",))
    reported = EnforcementPlan("report", 3600.0, "", next_sweep=SweepPlan(drifted=2))
    (kept_plan,) = kept().associations
    return PlanReport(
        (
            replace(kept_plan, association="Web/Fleet", enforcement=repaired),
            replace(kept_plan, association="Db/Fleet", enforcement=reported),
            replace(_leaving(), event=Event.UPDATE, enforcement=EnforcementPlan("repair", 900.0, "12")),
        )
    )


def empty() -> PlanReport:
    """An app without associations."""
    return PlanReport(())


def kept() -> PlanReport:
    """Everything stays as it is."""
    instances = (view(number, Verb.KEEP, KEPT, WANTED, WANTED) for number in (1, 2))
    return PlanReport((plan_of(*instances, event=Event.NONE),))


def unread() -> PlanReport:
    """A plan that leaves everything as it is, and a stack whose template can't be read."""
    return PlanReport(kept().associations, (f"whether stack Data is deployed: its template can't be read: {NASTY}",))


def mixed() -> PlanReport:
    """A bit of everything: an association that works, one that would be refused, one that is removed."""
    return PlanReport((_new(), _refused(), _leaving()))


def in_many_accounts() -> PlanReport:
    """Accounts and Regions with no change, with changes, with a refusal, and one that can't be read."""
    new, refused = (replace(one, account="444455556666") for one in (_new(), _refused()))
    (still,) = kept().associations
    places = [("111122223333", REGION), ("111122223333", "us-east-1"), ("444455556666", REGION)]
    denied = "role lookup can't be assumed: not allowed (AssumeRole)"
    return PlanReport(
        (still, replace(still, region="us-east-1"), replace(new, region="us-east-1"), refused),
        (f"account 777788889999, {REGION}: {denied}",),
        (
            *(EnvironmentView(*place) for place in places),
            EnvironmentView("444455556666", "us-east-1"),
            EnvironmentView("777788889999", REGION, (denied,)),
        ),
    )


def status_of_many_accounts() -> StatusReport:
    """One account and Region is in order, and in another one instances have drifted."""
    order, (lost, *_) = in_order().associations, drifted().associations
    places = tuple(EnvironmentView(account, REGION) for account in ("111122223333", "444455556666"))
    return StatusReport((*order, replace(lost, account="444455556666")), (), places)


def nasty() -> PlanReport:
    """Tags and reasons that would break a table if they could."""
    instances = (
        view(1, Verb.ASSOCIATE, f"associate {NASTY}", None, WANTED, name=NASTY, warnings=(f"look at {NASTY}",)),
        view(2, Verb.CONFLICT, "carries something else", FOREIGN, FOREIGN, name="back\\|slash"),
    )
    return PlanReport((plan_of(*instances, association=f"Web/{NASTY}", problems=(NASTY,)),))


def everywhere(text: str) -> tuple[PlanReport, StatusReport]:
    """Reports that have a text wherever somebody else may have written it."""
    profile, one = ProfileView(text, role=text), (text,)
    tags = ((text, text),)
    instance = replace(view(1, Verb.CONFLICT, text, profile, profile, warnings=one), id=text, name=text, tags=tags)
    plan = plan_of(
        replace(instance, state=text),
        profile=profile,
        permissions=(PermissionChange(text, text, one, one, one, one, one, one),),
        problems=one,
        warnings=one,
        unseen=one,
        rollout=RolloutView((1,), 60.0, alarms=one),
    )
    left = replace(held(1, profile, profile), id=text, name=text, state=text, outcome=text, drift=text, tags=tags)
    enforcement = EnforcementStatus(
        text,
        60.0,
        text,
        OffView(text),
        drift=(FindingView(text, text, 0.0, text, text),),
        pauses=(PauseView(text, 0.0, text),),
    )
    change = LatestChange(text, text, text, 0.0)
    status = AssociationStatus(text, text, text, text, (left,), one, enforcement, (change,))
    plan = replace(
        plan,
        enforcement=EnforcementPlan(
            text,
            60.0,
            text,
            one,
            SweepPlan((SweepChange(text, text, text, held_back=True),), (SweepPause(text, text, has_begun=True),)),
            (OverlapView(text, one, 1),),
            one,
        ),
    )
    plan = replace(plan, stack=text, association=text, account=text, region=text)
    return PlanReport((plan,), one), StatusReport((status,), one)


def huge(instances: int = 10_000, associations: int = 1) -> PlanReport:
    """Thousands of targets, the ones that matter among the last."""
    return PlanReport(tuple(_huge(instances, f"Web{number}/Association") for number in range(associations)))


def in_order() -> StatusReport:
    """Everything is as it was left."""
    return StatusReport((_status(held(1, WANTED, OLD), held(2, WANTED, None, outcome="associate")),))


def drifted() -> StatusReport:
    """Somebody has changed instances since."""
    instances = (
        held(1, WANTED, OLD),
        held(2, FOREIGN, INVENTED, drift="someone has given it ForeignProfile since"),
        held(3, None, None, name="", state="", since=0.0, outcome="", drift="the instance is gone"),
        held(4, WANTED, None, name=NASTY, outcome="replace: UnauthorizedOperation, not authorized | for `it`"),
    )
    return StatusReport((_status(*instances), _status(unseen=("the ledger Ledger4D2D63D1: access denied",))))


def enforced() -> StatusReport:
    """Enforcement that runs, that is paused, that only reports, that is off, that has failed, and that is overdue."""
    names = ("Web/Fleet", "Db/Fleet", "Batch/Fleet", "Api/Fleet", "Mail/Fleet", "Log/Fleet")
    return StatusReport(tuple(map(_enforced, names, _enforcements())))


def _enforcements() -> tuple[EnforcementStatus, ...]:
    made = "0 of 12 changes of this kind in an hour were made or begun already"
    reason = f"13 instances would be given the profile, and {made}"
    taken = FindingView(instance_id(1), "no-profile", SINCE, "carries no instance profile", "")
    other = FindingView(
        instance_id(7),
        "other-profile",
        SINCE,
        "carries instance profile ForeignProfile, which `replaces` does not list",
        "list it in `replaces`",
    )
    advice = "correct that; enforcement goes on by itself then"
    inside = FindingView("profile", "inside-profile", SINCE, "WebProfile holds no role", advice)
    open_since = OffView("the latest update is open, and enforcement goes on once it has succeeded", SINCE)
    failed = OffView("the latest update has failed, and enforcement goes on after one that succeeds", SINCE)
    return (
        EnforcementStatus("repair", 900.0, "10%", last_sweep=SINCE, dead_letters=0),
        EnforcementStatus(
            "repair",
            900.0,
            "12",
            last_sweep=SINCE,
            is_unfinished=True,
            drift=(taken, other),
            pauses=(PauseView("giving", SINCE, reason),),
            dead_letters=3,
        ),
        EnforcementStatus("report", 3600.0, "", drift=(inside,)),
        EnforcementStatus("repair", 900.0, "10%", off=open_since, dead_letters=0),
        EnforcementStatus("repair", 900.0, "10%", off=failed, is_stopped=True, dead_letters=0),
        EnforcementStatus("report", 900.0, "", last_sweep=SINCE, is_stopped=True, dead_letters=0),
    )


def _enforced(association: str, enforcement: EnforcementStatus) -> AssociationStatus:
    drift = "someone has disassociated the profile" if enforcement.pauses else ""
    status = _status(held(1, None if drift else WANTED, OLD, drift=drift), held(2, WANTED, None))
    changes = (
        LatestChange(
            instance_id(1), f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/jo", "DisassociateIamInstanceProfile", SINCE
        ),
        LatestChange(instance_id(7), "", "", 0.0),
    )
    if not enforcement.pauses:
        return replace(status, association=association, enforcement=enforcement)
    return replace(status, association=association, enforcement=enforcement, latest_changes=changes, not_asked_about=2)


def in_two_hundred_environments() -> PlanReport:
    """500 instances in each of 200 accounts and Regions. In the last but one something is refused, in the last one
    nothing can be seen, in 100 there are changes, and in the others nothing is to be done."""
    places = [(f"{account:012}", region) for account in range(1, 51) for region in ("eu-west-1", "us-east-1")]
    places += [(f"{account:012}", region) for account in range(51, 101) for region in ("eu-west-1", "us-east-1")]
    still = (view(number, Verb.KEEP, KEPT, WANTED, WANTED) for number in range(1, 501))
    quiet = plan_of(*still, event=Event.NONE)
    plans = [
        replace(_huge(500, "Web/Association") if number == 198 else quiet, account=account, region=region)
        for number, (account, region) in enumerate(places[:199])
    ]
    changing = plan_of(*(view(number, Verb.REPLACE, KEPT, OLD, WANTED) for number in range(1, 501)))
    plans[:100] = [replace(changing, account=plan.account, region=plan.region) for plan in plans[:100]]
    denied = "role lookup can't be assumed: not allowed (AssumeRole)"
    views = (*(EnvironmentView(*place) for place in places[:199]), EnvironmentView(*places[199], (denied,)))
    return PlanReport(tuple(plans), (f"account {places[199][0]}, {places[199][1]}: {denied}",), views)


def huge_status(instances: int = 10_000) -> StatusReport:
    """Thousands of held instances, the last of which has drifted."""
    last = held(instances, FOREIGN, OLD, drift="someone has given it ForeignProfile since")
    return StatusReport((_status(*(held(number, WANTED, OLD) for number in range(1, instances)), last),))


def held(
    number: int,
    carries: ProfileView | None,
    previous: ProfileView | None,
    *,
    name: str | None = None,
    state: str = "running",
    since: float = SINCE,
    outcome: str = "replace",
    drift: str = "",
) -> HeldView:
    """An instance of a status."""
    shown = f"web-{number}" if name is None else name
    tags = (("Name", shown), ("app", "web"))
    return HeldView(instance_id(number), shown, state, carries, WANTED, previous, since, outcome, drift, tags)


def _new() -> AssociationPlan:
    systems_manager = "loses its connection to Systems Manager: role Web lacks ssm:UpdateInstanceInformation"
    return plan_of(
        view(1, Verb.ASSOCIATE, "associate Web/InstanceProfile", None, NEW),
        view(2, Verb.ASSOCIATE, "associate Web/InstanceProfile", None, NEW, name="", state="stopped"),
        view(3, Verb.REPLACE, "replace OldProfile with Web/InstanceProfile", OLD, NEW, warnings=(systems_manager,)),
        view(4, Verb.REPLACE, "replace OldProfile with Web/InstanceProfile", OLD, NEW, warnings=(systems_manager,)),
        view(
            5,
            Verb.REPLACE,
            f"replace {INVENTED.name} with Web/InstanceProfile",
            INVENTED,
            NEW,
            name="the one that nobody dares to touch since 2019",
            state="stopped",
        ),
        view(6, Verb.WAIT, "the instance is shutting-down", OLD, NEW, state="shutting-down"),
        event=Event.CREATE,
        profile=NEW,
        permissions=(
            PermissionChange(
                "Old",
                "Web",
                tuple(map(instance_id, (3, 4, 6))),
                policies_lost=("AmazonSSMManagedInstanceCore", "Deploy (inline)"),
                policies_gained=("AmazonS3ReadOnlyAccess",),
                actions_lost=("s3:PutObject on arn:aws:s3:::releases/*", "ssm:UpdateInstanceInformation on *"),
                actions_gained=("s3:Get* on *", "s3:List* on *"),
                notes=("the instances drop out of Systems Manager",),
            ),
            PermissionChange("Same", "Web", (instance_id(5),)),
        ),
        warnings=("the tags of the selection match 6 instances today, and perhaps others tomorrow",),
        estimate=Estimate(6, 124.2, 900.0),
        rollout=RolloutView((1, 2, 3), 300.0, ("(new) Web/Errors", "latency [p99]"), 1),
    )


def _refused() -> AssociationPlan:
    reason = "carries instance profile ForeignProfile, which `replaces` does not list"
    return plan_of(
        view(7, Verb.KEEP, KEPT, WANTED, WANTED),
        view(8, Verb.CONFLICT, reason, FOREIGN, FOREIGN),
        view(9, Verb.UNDO, "a target no more: restore OldProfile", WANTED, OLD),
        view(10, Verb.DROP, "a target no more: another association keeps it", WANTED, WANTED),
        association="Api/Association",
        problems=("role Web: its trust policy does not let ec2.amazonaws.com assume it",),
        unseen=("the policies of role Foreign: access denied (iam:ListAttachedRolePolicies)",),
        estimate=Estimate(1, 0.0),
    )


def _leaving() -> AssociationPlan:
    undone = view(11, Verb.UNDO, "it had no profile before", WANTED, None)
    return plan_of(undone, association="Batch/Association", event=Event.DELETE, profile=None, estimate=Estimate(1, 0.2))


def _huge(instances: int, association: str) -> AssociationPlan:
    conflict = view(instances, Verb.CONFLICT, "carries ForeignProfile", FOREIGN, FOREIGN, warnings=("it is the last",))
    replaced = view(instances - 1, Verb.REPLACE, "replace OldProfile with WebProfile", OLD, WANTED)
    warning = ("kept although it carries something else",)
    others = (view(n, Verb.KEEP, KEPT, WANTED, WANTED, warnings=warning) for n in range(1, instances - 1))
    return plan_of(*others, replaced, conflict, association=association, estimate=Estimate(1, 0.2))


def _status(*instances: HeldView, unseen: tuple[str, ...] = ()) -> AssociationStatus:
    return AssociationStatus("InstanceRole-web", "Web/Association", ACCOUNT, REGION, instances, unseen)
