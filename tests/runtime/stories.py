"""What an association goes through in its life, as stories that run in any world and check their own end.

A story is a function of a world. Its setting decides which policies the handler gets: how the instances are selected,
which profiles may be displaced, and whose the profile is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cdk_instance_role.runtime.association.arn import name_of
from tests.simulator.cloudformation import Status
from tests.simulator.driver import Resource, Result, World
from tests.simulator.ec2 import ASSOCIATE, DISASSOCIATE, REPLACE
from tests.simulator.errors import AwsError
from tests.simulator.rights import OWNED_PATH, STACK

Story = Callable[[World], None]

STAYING, LEAVING, COMING, DISPLACED = "staying", "leaving", "coming", "displaced"
"""Groups of instances: an Update removes the second and adds the third. By tags, each has a value of its own."""
BEFORE, AFTER = (STAYING, LEAVING), (STAYING, COMING)
"""The groups that are selected before such an Update, and after it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What the policies of an association depend on."""

    by_tags: bool
    replaces: Literal["none", "profiles", "any"]
    owned: bool
    """The profile belongs to the stack; else it is imported."""
    moves: bool = False
    """The profile has a name, so that CloudFormation replaces it with another one on the same path."""
    tokens: bool = False
    """The ids are those of instances of the app, which only the deployment knows."""

    def __str__(self) -> str:
        whose = "named" if self.moves else "owned" if self.owned else "imported"
        return f"{whose}, {'tags' if self.by_tags else 'tokens' if self.tokens else 'ids'}, {self.replaces}"

    @property
    def may_displace(self) -> bool:
        return self.replaces != "none"

    @property
    def may_move(self) -> bool:
        """Instances may be moved on to another profile: on the same path, or if the former is listed."""
        return self.moves or (self.may_displace and not self.owned)


SETTINGS = [
    Setting(by_tags, replaces, owned, moves)
    for owned, moves in ((True, False), (True, True), (False, False))
    for by_tags in (False, True)
    for replaces in ("none", "profiles", "any")
] + [Setting(by_tags=False, replaces="profiles", owned=True, tokens=True)]


class Scene:
    """An association and its instances, as a setting defines them."""

    def __init__(self, setting: Setting, world: World) -> None:
        self.setting, self.world = setting, world
        if world.role:
            world.role.moves, world.role.tokens = setting.moves, setting.tokens
        self.resource = Resource(world)
        path, names = (
            (OWNED_PATH, (f"{STACK}-Mine", f"{STACK}-Next")) if setting.owned else ("/", ("Imported", "Another"))
        )
        self.mine, self.next = (world.fleet.add_profile(name, path=path) for name in names)
        """The profile, and another one for later."""
        self.old, self.older, self.foreign = world.old, world.fleet.add_profile("Older"), world.foreign
        self.had = (None, self.old, self.older) if setting.may_displace else (None, None, None)
        """What the instances of a `fleet` carry in the beginning."""
        self._groups: dict[str, list[str]] = {}

    def instance(self, carries: str | None = None, *, group: str = STAYING, **more: Any) -> str:
        """An instance that is selected with its group."""
        instance_id = self.world.instance(carries, tags={"group": group}, **more)
        self._groups.setdefault(group, []).append(instance_id)
        return instance_id

    def instances(self, *carries: str | None, **more: Any) -> list[str]:
        return [self.instance(one, **more) for one in carries]

    def fleet(self, state: str = "running") -> list[str]:
        """Three instances: a bare one, and two that carry what may be displaced; if nothing may, they are bare, too."""
        return self.instances(*self.had, state=state)

    def properties(
        self, *groups: str, replaces: Sequence[str] | str | None = None, profile: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """The properties of the custom resource.

        Args:
            groups: the groups that are selected. Default: those of `BEFORE`.
            replaces: other profiles to displace than those of the setting.
            profile: another profile.
            more: other properties.
        """
        groups = groups or BEFORE
        return self.world.properties(
            [instance_id for group in groups for instance_id in self._groups.get(group, ())],
            tags={"group": groups} if self.setting.by_tags else None,
            replaces=self._replaces if replaces is None else replaces,
            profile=profile or self.mine,
            **more,
        )

    def with_the_next_profile(self) -> dict[str, Any]:
        """The properties with the next profile. An imported one that is left for it has to be listed."""
        listed = self.setting.replaces == "profiles" and not self.setting.owned
        return self.properties(profile=self.next, replaces=[*self._replaces, self.mine] if listed else None)

    def renamed(self) -> dict[str, Any]:
        """The properties after the profile has got another name. Its role stays what it is."""
        profiles = self.world.fleet.profiles
        profiles[self.next].role_arn = profiles[self.mine].role_arn
        return self.properties(profile=self.next)

    def change_path(self, profile: str) -> None:
        """Replace a profile by another one of the same name with another path."""
        del self.world.fleet.profiles[profile]
        self.world.fleet.add_profile(name_of(profile), path="/elsewhere/")

    def change_state(self, instance_ids: Sequence[str], state: str) -> None:
        for instance_id in instance_ids:
            self.world.fleet.change_state(instance_id, state)

    def refuse(self, instance_id: str, profile: str) -> None:
        """Let EC2 always refuse to associate a profile with an instance."""
        asked = {"InstanceId": instance_id, "IamInstanceProfile": {"Arn": profile}}
        self._refuse(ASSOCIATE, lambda parameters: asked.items() <= parameters.items())

    def refuse_restores(self) -> None:
        """Let EC2 always refuse to disassociate any profile, and to replace any by a previous one."""
        self._refuse(DISASSOCIATE, lambda _: True)
        self._refuse(REPLACE, lambda parameters: parameters["IamInstanceProfile"]["Arn"] in self.had)

    def _refuse(self, action: str, when: Callable[[Mapping[str, Any]], bool]) -> None:
        self.world.traffic.fail(action, AwsError("UnsupportedOperation", "not today"), times=10_000, when=when)

    def check(self, instance_ids: Sequence[str], carry: Sequence[str | None] | str | None) -> None:
        """Check what instances carry: all the same, or each its own."""
        arns = [carry] * len(instance_ids) if carry is None or isinstance(carry, str) else carry
        assert self.world.carried(*instance_ids) == [name_of(arn) if arn else None for arn in arns]

    def check_delivered(self, instance_ids: Sequence[str], profile: str) -> None:
        """Check that instances carry a profile as it is now, not one of the same name that was deleted."""
        self.check(instance_ids, profile)
        rows = [self.world.fleet.active(instance_id) for instance_id in instance_ids]
        assert {row.profile_id for row in rows if row} == {self.world.fleet.profiles[profile].id}

    def check_restored(self, fleet: Sequence[str]) -> None:
        """Check that the instances of a `fleet` carry what they did in the beginning, and never ran without any."""
        self.check(fleet, self.had)
        carrying = {instance_id for instance_id, arn in zip(fleet, self.had, strict=True) if arn}
        assert not carrying & set(self.world.fleet.bared)

    def check_nothing_is_left(self) -> None:
        assert self.world.ledger_items == {}

    @property
    def _replaces(self) -> Sequence[str] | str:
        match self.setting.replaces:
            case "none":
                return ()
            case "profiles":
                return (self.old, self.older)
        return "*"


def succeeds(result: Result) -> None:
    assert result.ok, result.reason


def fails(result: Result) -> None:
    """Check that an event has failed because of a refusal of EC2, and that it was rolled back."""
    assert not result.ok
    assert "not today" in result.reason, result.reason
    assert result.rollback is None or result.rollback.ok, result.rollback.reason


def associates_with_bare_instances(scene: Scene) -> None:
    targets = [*scene.instances(None, None), scene.instance(state="stopped")]
    succeeds(scene.resource.create(scene.properties()))
    scene.check(targets, scene.mine)


def keeps_a_profile_that_is_right_already(scene: Scene) -> None:
    targets = scene.instances(scene.mine, None, None)
    succeeds(scene.resource.create(scene.properties()))
    succeeds(scene.resource.delete())
    scene.check(targets, (scene.mine, None, None))
    scene.check_nothing_is_left()


def leaves_a_conflict_alone(scene: Scene) -> None:
    targets = scene.instances(scene.foreign, None, None)
    succeeds(scene.resource.create(scene.properties(on_conflict="KEEP")))
    scene.check(targets, (scene.foreign, scene.mine, scene.mine))


def replaces(scene: Scene) -> None:
    targets = scene.fleet()
    succeeds(scene.resource.create(scene.properties()))
    scene.check(targets, scene.mine)


def replaces_on_stopped_instances(scene: Scene) -> None:
    targets = scene.fleet("stopped")
    succeeds(scene.resource.create(scene.properties()))
    scene.check(targets, scene.mine)


def puts_the_old_profile_back_when_half_a_swap_is_refused(scene: Scene) -> None:
    targets = scene.fleet("stopped")
    for target in targets[1:]:
        scene.refuse(target, scene.mine)
    fails(scene.resource.create(scene.properties()))
    scene.check_restored(targets)
    scene.check_nothing_is_left()


def restores_everything_when_a_create_fails(scene: Scene) -> None:
    bare, old, _ = scene.had
    targets = [scene.instance(old), scene.instance(old, state="stopped"), scene.instance(bare)]
    scene.refuse(targets[2], scene.mine)
    fails(scene.resource.create(scene.properties()))
    scene.check(targets, (old, old, None))
    scene.check_nothing_is_left()


def adds_and_removes_targets(scene: Scene) -> None:
    _, old, older = scene.had
    staying = scene.instances(None)
    leaving, coming = scene.instances(None, old, group=LEAVING), scene.instances(None, older, group=COMING)
    succeeds(scene.resource.create(scene.properties()))
    succeeds(scene.resource.update(scene.properties(*AFTER)))
    scene.check([*staying, *coming], scene.mine)
    scene.check(leaving, (None, old))


def adds_and_removes_stopped_targets(scene: Scene) -> None:
    _, old, older = scene.had
    staying = scene.instances(None)
    leaving = scene.instances(None, old, group=LEAVING)
    coming = scene.instances(None, older, group=COMING, state="stopped")
    succeeds(scene.resource.create(scene.properties()))
    scene.change_state([*staying, *leaving], "stopped")
    succeeds(scene.resource.update(scene.properties(*AFTER)))
    scene.check([*staying, *coming], scene.mine)
    scene.check(leaving, (None, old))


def moves_to_another_profile(scene: Scene) -> None:
    targets = scene.fleet()
    succeeds(scene.resource.create(scene.properties()))
    succeeds(scene.resource.update(scene.with_the_next_profile()))
    scene.check(targets, scene.next)
    succeeds(scene.resource.delete())
    scene.check_restored(targets)


def moves_stopped_instances_to_another_profile(scene: Scene) -> None:
    targets = scene.fleet()
    succeeds(scene.resource.create(scene.properties()))
    scene.change_state(targets, "stopped")
    succeeds(scene.resource.update(scene.with_the_next_profile()))
    scene.check(targets, scene.next)
    succeeds(scene.resource.delete())
    scene.check_restored(targets)


def rolls_back_a_move_when_an_update_fails(scene: Scene) -> None:
    targets = scene.fleet()
    succeeds(scene.resource.create(scene.properties()))
    scene.world.refuse(REPLACE, targets[2])
    fails(scene.resource.update(scene.with_the_next_profile()))
    scene.check(targets, scene.mine)
    scene.world.traffic.faults.clear()
    succeeds(scene.resource.delete())
    scene.check_restored(targets)


def rolls_back_a_move_of_stopped_instances_when_an_update_fails(scene: Scene) -> None:
    targets = scene.fleet()
    succeeds(scene.resource.create(scene.properties()))
    scene.change_state(targets, "stopped")
    scene.refuse(targets[2], scene.next)
    fails(scene.resource.update(scene.with_the_next_profile()))
    scene.check(targets, scene.mine)
    succeeds(scene.resource.delete())
    scene.check_restored(targets)


def displaces_more_and_restores_it(scene: Scene) -> None:
    bare = [*scene.instances(None), *scene.instances(None, None, group=LEAVING)]
    coming = scene.instances(scene.old, scene.foreign, group=COMING)
    succeeds(scene.resource.create(scene.properties(replaces=())))
    succeeds(scene.resource.update(scene.properties(*AFTER, replaces="*")))
    scene.check([*bare, *coming], (scene.mine, None, None, scene.mine, scene.mine))
    succeeds(scene.resource.update(scene.properties(replaces=())))
    scene.check([*bare, *coming], (scene.mine, scene.mine, scene.mine, scene.old, scene.foreign))


def restores_what_only_a_failed_update_displaced(scene: Scene, state: str = "running") -> None:
    bare = [*scene.instances(None), *scene.instances(None, None, group=LEAVING)]
    displaced = scene.instances(scene.foreign, group=COMING, state=state)
    refused = scene.instances(None, group=COMING)
    succeeds(scene.resource.create(scene.properties()))
    scene.refuse(refused[0], scene.mine)
    fails(scene.resource.update(scene.properties(*AFTER, replaces=(scene.old, scene.foreign))))
    scene.check([*bare, *displaced, *refused], (scene.mine, scene.mine, scene.mine, scene.foreign, None))


def restores_on_a_stopped_instance_what_only_a_failed_update_displaced(scene: Scene) -> None:
    restores_what_only_a_failed_update_displaced(scene, "stopped")


def restores_what_a_rollback_has_skipped(scene: Scene) -> None:
    """A rollback fails, too. If it is continued without the association, instances stay behind that are no targets."""
    targets = [*scene.instances(None), *scene.instances(None, None, group=LEAVING)]
    left_behind = [*scene.instances(None, group=COMING), *scene.instances(scene.had[1], group=DISPLACED)]
    succeeds(scene.resource.create(scene.properties()))
    scene.refuse_restores()
    result = scene.resource.update(scene.properties(STAYING, COMING, DISPLACED))
    assert result.rollback is not None
    assert not result.rollback.ok
    scene.check([*targets, left_behind[0]], scene.mine)
    scene.resource.detach_policies(but_for=scene.properties())
    scene.world.traffic.faults.clear()
    if scene.setting.may_displace and not scene.setting.by_tags and not scene.setting.tokens:
        # By ids, a listed profile may be restored on the selected instances only.
        succeeds(scene.resource.update(scene.properties(STAYING, LEAVING, DISPLACED)))
    succeeds(scene.resource.delete())
    scene.check([*targets, *left_behind], (None, None, None, None, scene.had[1]))
    scene.check_nothing_is_left()


def rolls_back_with_its_stack_in_spite_of_a_conflict(scene: Scene) -> None:
    """The association's own update has succeeded, so only the status of the stack shows that it is rolled back."""
    targets = scene.instances(None, None)
    before = scene.properties()
    succeeds(scene.resource.create(before))
    succeeds(scene.resource.update(scene.properties(timeout=900)))
    scene.world.fleet.profiles[scene.mine].role_arn = None
    scene.world.stack_status = Status.ROLLING_BACK
    scene.resource.attach_policies(before)
    succeeds(scene.resource.deliver(scene.resource.event("Update", before, scene.resource.properties)))
    scene.check(targets, scene.mine)


def restores_each_previous_profile(scene: Scene) -> None:
    targets = scene.fleet()
    succeeds(scene.resource.create(scene.properties()))
    succeeds(scene.resource.delete())
    scene.check_restored(targets)
    scene.check_nothing_is_left()


def restores_stopped_instances(scene: Scene) -> None:
    targets = scene.fleet()
    succeeds(scene.resource.create(scene.properties()))
    scene.change_state(targets, "stopped")
    succeeds(scene.resource.delete())
    scene.check_restored(targets)
    scene.check_nothing_is_left()


def restores_instances_without_their_tags(scene: Scene) -> None:
    targets = scene.fleet()
    succeeds(scene.resource.create(scene.properties()))
    for target in targets:
        scene.world.fleet.instances[target].tags = {}
    succeeds(scene.resource.delete())
    scene.check_restored(targets)
    scene.check_nothing_is_left()


def restores_stopped_instances_without_their_tags(scene: Scene) -> None:
    targets = scene.fleet()
    succeeds(scene.resource.create(scene.properties()))
    scene.change_state(targets, "stopped")
    for target in targets:
        scene.world.fleet.instances[target].tags = {}
    succeeds(scene.resource.delete())
    scene.check_restored(targets)
    scene.check_nothing_is_left()


def removes_the_profile_when_the_previous_one_is_deleted(scene: Scene) -> None:
    targets = scene.fleet()
    succeeds(scene.resource.create(scene.properties()))
    del scene.world.fleet.profiles[scene.old]
    succeeds(scene.resource.delete())
    scene.check(targets, (None, None, scene.older))
    scene.check_nothing_is_left()


def removes_the_profile_when_the_name_of_the_previous_one_is_used_again(scene: Scene) -> None:
    targets = scene.fleet()
    succeeds(scene.resource.create(scene.properties()))
    for previous in (scene.old, scene.older):
        scene.change_path(previous)
    succeeds(scene.resource.delete())
    scene.check(targets, None)
    scene.check_nothing_is_left()


def reports_that_its_profile_has_another_path(scene: Scene) -> None:
    targets = scene.fleet()
    scene.change_path(scene.mine)
    result = scene.resource.create(scene.properties())
    assert not result.ok
    assert f"instance profile {scene.mine} does not exist" in result.reason, result.reason
    scene.check_restored(targets)


def reports_that_its_profile_is_deleted(scene: Scene) -> None:
    targets = scene.instances(None, None)
    succeeds(scene.resource.create(scene.properties()))
    del scene.world.fleet.profiles[scene.mine]
    result = scene.resource.update(scene.properties(timeout=900))
    assert f"instance profile {scene.mine} does not exist" in result.reason, result.reason
    succeeds(scene.resource.delete())
    scene.check(targets, None)


def renews_instances_with_a_profile_that_was_created_again(scene: Scene) -> None:
    """Also where the handler may replace no profile, and so not even the wanted one by the same."""
    targets = [*scene.instances(None, None), scene.instance(state="stopped")]
    succeeds(scene.resource.create(scene.properties()))
    scene.world.clock.sleep(60)
    scene.world.fleet.recreate_profile(scene.mine)
    succeeds(scene.resource.update(scene.properties(timeout=900)))
    scene.check_delivered(targets, scene.mine)


def is_renamed(scene: Scene) -> None:
    """The new association is created first, and then the old one is deleted: its instances are handed over."""
    targets, successor = scene.fleet(), Resource(scene.world, "Renamed")
    succeeds(scene.resource.create(scene.properties()))
    succeeds(successor.create(scene.properties()))
    succeeds(scene.resource.delete())
    scene.check(targets, scene.mine)
    succeeds(successor.delete())
    scene.check_restored(targets)
    scene.check_nothing_is_left()


def follows_its_profile_to_another_name(scene: Scene) -> None:
    targets, others = scene.fleet(), scene.instances(None, group=LEAVING)
    scene.resource.renames_profile = True
    succeeds(scene.resource.create(scene.properties()))
    succeeds(scene.resource.update(scene.renamed()))
    scene.check([*targets, *others], scene.next)
    del scene.world.fleet.profiles[scene.mine]
    succeeds(scene.resource.delete())
    scene.check_restored(targets)
    scene.check(others, None)


def rolls_back_when_an_update_that_renames_its_profile_fails(scene: Scene) -> None:
    running, stopped = scene.instances(None, scene.had[1]), scene.instances(scene.had[2])
    scene.resource.renames_profile = True
    succeeds(scene.resource.create(scene.properties()))
    scene.change_state(stopped, "stopped")
    scene.refuse(stopped[0], scene.next)
    fails(scene.resource.update(scene.renamed()))
    scene.check([*running, *stopped], scene.mine)
    del scene.world.fleet.profiles[scene.next]
    succeeds(scene.resource.delete())
    scene.check_restored([*running, *stopped])


_ALWAYS = (
    associates_with_bare_instances,
    keeps_a_profile_that_is_right_already,
    restores_everything_when_a_create_fails,
    adds_and_removes_targets,
    adds_and_removes_stopped_targets,
    restores_what_a_rollback_has_skipped,
    rolls_back_with_its_stack_in_spite_of_a_conflict,
    restores_each_previous_profile,
    restores_stopped_instances,
    reports_that_its_profile_is_deleted,
    is_renamed,
)
_OF_OTHER_SETTINGS = (
    displaces_more_and_restores_it,
    restores_what_only_a_failed_update_displaced,
    restores_on_a_stopped_instance_what_only_a_failed_update_displaced,
)
_WITH_CONFLICTS = (leaves_a_conflict_alone,)
_DISPLACING = (
    replaces,
    replaces_on_stopped_instances,
    puts_the_old_profile_back_when_half_a_swap_is_refused,
    removes_the_profile_when_the_previous_one_is_deleted,
    removes_the_profile_when_the_name_of_the_previous_one_is_used_again,
)
_MOVING = (
    moves_to_another_profile,
    moves_stopped_instances_to_another_profile,
    rolls_back_a_move_when_an_update_fails,
    rolls_back_a_move_of_stopped_instances_when_an_update_fails,
)
_OF_TAGS = (restores_instances_without_their_tags, restores_stopped_instances_without_their_tags)
_OF_OTHERS = (reports_that_its_profile_has_another_path,)
_OF_THE_STACK = (follows_its_profile_to_another_name, rolls_back_when_an_update_that_renames_its_profile_fails)


def stories_of(setting: Setting, *, changing_it: bool = True) -> dict[str, Story]:
    """The stories that are possible in a setting, by name.

    Args:
        setting: the setting.
        changing_it: also those that change which profiles the association may displace.
    """
    chosen = {
        _ALWAYS: True,
        _OF_OTHER_SETTINGS: changing_it,
        _WITH_CONFLICTS: setting.replaces != "any",
        _DISPLACING: setting.may_displace,
        _MOVING: setting.may_move,
        _OF_TAGS: setting.by_tags,
        _OF_THE_STACK: setting.moves,
        _OF_OTHERS: not setting.owned,
    }
    return {
        story.__name__.replace("_", " "): _in_setting(setting, story)
        for stories, is_possible in chosen.items()
        if is_possible
        for story in stories
    }


def _in_setting(setting: Setting, story: Callable[[Scene], None]) -> Story:
    return lambda world: story(Scene(setting, world))
