"""The stacks that are deployed together, and what that changes about the policies of roles."""

from collections.abc import Iterator, Sequence

from ..aws.partial_reader import guarded
from ..iam.role import Role
from ..lazy import lazy
from ..model import unique
from ..policies.attachments import Key
from ..policies.policy_updates import PolicyUpdate
from ..policies.role_changes import ManagedPolicies, RoleChange, role_after
from ..policies.template_policies import TemplatePolicies
from ..template.assembly import StackArtifact
from ..template.deployed_stack import DeployedStack
from ..template.intrinsic_functions import UnresolvedError
from ..template.property_values import StackValues
from ..template.stacks import STACK_TYPE, Address, of_type
from .stack_graph import StackGraph

Stacks = Sequence[tuple[StackArtifact, StackGraph]]
"""Stacks at the top, each with the stacks of its account and Region."""

_NOT_REACHED = "its last update has failed, and its template does not say how far it got"


class Deployment:
    """Stacks that are deployed one after the other, in this order, also in several Regions: IAM has none."""

    def __init__(self, stacks: Stacks, others: Stacks = ()) -> None:
        """
        Args:
            stacks: the stacks that are deployed.
            others: those that are not, and may give policies to the same roles, or have the same names.
        """
        self.stacks, self.others = stacks, others

    @property
    def stack_graphs(self) -> list[StackGraph]:
        """Where the stacks are."""
        return list({id(stacks): stacks for _, stacks in (*self.stacks, *self.others)}.values())

    def creates(self, role: str) -> bool:
        """Whether a role is created, or another one takes its place."""
        return any(update.is_new(role) for family in self._families for update in family)

    def after(self, live: Role, policies: ManagedPolicies) -> RoleChange:
        """What a role may do afterwards.

        Args:
            live: the role as it is; without policies if it is created.
            policies: the managed policies that exist.
        """
        return role_after(live, self._families, policies, self._claims)

    def touches(self, role: str) -> bool:
        """Whether something about the policies of a role may change."""
        return any(update.touches(role) for family in self._families for update in family)

    @lazy
    def _families(self) -> list[list[PolicyUpdate]]:
        return [_updates(*pair) for pair in self.stacks]

    @lazy
    def _other_deployed_policies(self) -> list[tuple[str, TemplatePolicies]]:
        """What the deployed templates of the others say."""
        return [found for pair in self.others for found in _deployed(*pair)]

    def _claims(self, key: Key) -> Iterator[str]:
        for family in self._families:
            for update in family:
                yield from (f"{id_} of stack {update.stack}" for id_ in update.claims(key))
        for name, policies in self._other_deployed_policies:
            yield from (f"{id_} of stack {name}" for id_, part in policies.parts.items() if key in part.attachments)


def deployment_of(stacks: Sequence[StackArtifact], stack_graphs: Sequence[StackGraph]) -> Deployment:
    """The deployment of some of the stacks that there are.

    Args:
        stacks: those that are deployed, in their order.
        stack_graphs: all stacks, by account and Region.
    """
    graph_of = {id(one): stack_graph for stack_graph in stack_graphs for one in stack_graph.stacks}
    deployed = {id(one): (one, graph_of[id(one)]) for one in stacks if id(one) in graph_of}
    others = [
        (one, stack_graph) for stack_graph in stack_graphs for one in stack_graph.stacks if id(one) not in deployed
    ]
    return Deployment([*deployed.values()], others)


def _updates(stack: StackArtifact, stacks: StackGraph) -> list[PolicyUpdate]:
    """What the deployment of a stack changes. An error that no one has provided for hides no other stack."""

    def read() -> list[PolicyUpdate]:
        with stacks.reader.discard_gaps():
            found = [*_updates_of_family(stack, stacks)]
            for one in found:
                one.touches("")  # what is worked out once is worked out here
        return found

    return guarded(read, lambda why: [PolicyUpdate(stack.name, None, None, read_problem=why)])


def _updates_of_family(stack: StackArtifact, stacks: StackGraph) -> Iterator[PolicyUpdate]:
    for one in stacks.family(stack):
        yield from _update(one.address, stacks)
        for logical_id in sorted(of_type(one.template, STACK_TYPE).keys() - one.nested.keys()):
            yield from _unread(one.address.inner(logical_id), stacks, "its template is not in the assembly")


def _update(address: Address, stacks: StackGraph) -> Iterator[PolicyUpdate]:
    deployed, problems = stacks.deployed(address), stacks.read_problems(address)
    if deployed and deployed.has_failed_update:
        problems = (*problems, _NOT_REACHED)
    try:
        after = _after(stacks.values(address)) if stacks.exists_after(address) else None
        retained = after is None and _is_retained(stacks, address)
    except UnresolvedError as error:
        yield from _unread(address, stacks, str(error))
        return
    yield PolicyUpdate(
        _name(address),
        _before(stacks, address, deployed) if deployed else None,
        after,
        retained=retained,
        read_problem="; ".join(unique(problems)),
    )


def _unread(address: Address, stacks: StackGraph, why: str) -> Iterator[PolicyUpdate]:
    """A nested stack that can't be read, if it changes."""
    assert address.outer
    outer, logical_id = stacks.deployed(address.outer), address.nested[-1]
    resource = outer.resource(logical_id) if outer else None
    if resource is None or resource != stacks.values(address.outer).resources.get(logical_id):
        yield PolicyUpdate(_name(address), None, None, read_problem=why)


def _deployed(stack: StackArtifact, stacks: StackGraph) -> list[tuple[str, TemplatePolicies]]:
    """The policies of a deployed stack. An error that no one has provided for hides no other stack."""

    def read() -> list[tuple[str, TemplatePolicies]]:
        with stacks.reader.discard_gaps():
            deployed = [(one.address, stacks.deployed(one.address)) for one in stacks.family(stack)]
            return [(_name(address), _before(stacks, address, found)) for address, found in deployed if found]

    def record(why: str) -> list[tuple[str, TemplatePolicies]]:
        stacks.reader.record_gap(f"the policies of stack {stack.name}: {why}")
        return []

    return guarded(read, record)


def _before(stacks: StackGraph, address: Address, deployed: DeployedStack) -> TemplatePolicies:
    values = stacks.former_values(address, deployed)
    there = deployed.physical_ids.__contains__
    return TemplatePolicies(deployed.template, values.resolve, values.iam.reference, lambda _: False, there)


def _after(values: StackValues) -> TemplatePolicies:
    return TemplatePolicies(values.template, values.resolve, values.iam.reference, values.iam.is_new, values.is_made)


def _is_retained(stacks: StackGraph, address: Address) -> bool:
    """Whether a nested stack stays although it, or one around it, is in no template any more."""
    while address.outer:
        if stacks.is_retained(address.outer, address.nested[-1]):
            return True
        address = address.outer
    return False


def _name(address: Address) -> str:
    return "/".join((address.name, *address.nested))
