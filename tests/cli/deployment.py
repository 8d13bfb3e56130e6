"""What CloudFormation does when it deploys a stack with those that are nested in it."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from cdk_instance_role.cli.template.assembly import StackArtifact
from cdk_instance_role.cli.template.deployed_stack import DeployedStack
from cdk_instance_role.cli.template.intrinsic_functions import UnresolvedError
from cdk_instance_role.cli.template.property_values import ExternalValues, StackValues
from cdk_instance_role.cli.template.replacement import INSTANCE, MANAGED_POLICY, PROFILE, ROLE, is_replaced
from cdk_instance_role.cli.template.stacks import STACK_TYPE, Address, of_type
from cdk_instance_role.cli.template.template_inputs import StackLocation
from tests.cli.stack_policies import Deployed, deploy
from tests.simulator.driver import STACK_ID, Resource, World
from tests.simulator.dynamodb import TABLE
from tests.simulator.ec2 import DESCRIBE_INSTANCES
from tests.simulator.fleet import ACCOUNT, REGION
from tests.simulator.sqs import QUEUE_URL

if TYPE_CHECKING:
    from tests.cli.cloud import Cloud

_RENAMED = frozenset({INSTANCE, MANAGED_POLICY})
"""Resources that get another physical id when they are replaced, although they have no name of their own."""


@dataclass
class LiveRole:
    """A role in IAM with its policies."""

    arn: str
    trust: Mapping[str, Any]
    attached: list[str]
    inline: dict[str, Any]


class ResourceOf(Resource):
    """A custom resource of a stack with an id of its own."""

    def __init__(self, world: World, stack_id: str, logical_id: str) -> None:
        super().__init__(world, logical_id)
        self._stack_id = stack_id

    def event(self, *arguments: Any) -> dict[str, Any]:
        return {**super().event(*arguments), "StackId": self._stack_id}


@dataclass
class Part:
    """A stack that is being deployed: the one at the top, or a nested one."""

    stack: StackArtifact
    former: DeployedStack | None
    deployed: DeployedStack
    physical: dict[str, str]
    parameters: dict[str, str]
    outputs: dict[str, str]

    def key(self, logical_id: str) -> str:
        """Identifies an association in the whole stack."""
        return "/".join((*self.stack.address.nested, logical_id))


class Deployment:
    """One deployment of a stack."""

    def __init__(self, cloud: "Cloud", stack: StackArtifact, *, fails: bool = False) -> None:
        """
        Args:
            cloud: the account and Region.
            stack: what is deployed.
            fails: the updates of the associations fail, and so do their rollbacks.
        """
        self._cloud, self._name, self._fails = cloud, stack.name, fails
        self._stacks = cloud.cloudformation.stacks
        self._parts: dict[Address, Part] = {}
        for one in stack.family:
            self._parts[one.address] = self._part(one)
        self._values = {address: self._values_of(part) for address, part in self._parts.items()}

    def run(self) -> None:
        """Create, change and delete whatever there is to."""
        parts = [*self._made_parts()]
        for kind in (ROLE, PROFILE):
            for part in parts:
                for id_, resource in part.stack.resources.items():
                    if resource["Type"] == kind and id_ in part.physical:
                        former = part.former.resource(id_) if part.former else None
                        self._create(part.physical[id_], resource, self._values[part.stack.address], former or {})
        for part in parts:
            for id_ in filter(part.physical.__contains__, of_type(part.stack.template, INSTANCE)):
                self._set_up(part, id_)
        policies = [deploy(self._cloud.iam, *self._policies(part)) for part in parts]
        for one in policies:
            next(one)
        for part in parts:
            self._fill(part)
        self._associate(parts)
        if self._fails:
            self._keep_former(parts)
        else:
            for one in policies:
                next(one, None)
            self._clean_up(parts)
        for part in parts:
            self._stacks[part.deployed.id if part.stack.address.nested else self._name] = part.deployed
            self._cloud.cloudformation.roots[part.deployed.id] = self._name

    def _part(self, stack: StackArtifact) -> Part:
        if stack.address.outer:
            environment, logical_id = self._parts[stack.address.outer], stack.address.nested[-1]
            id_ = environment.physical[logical_id]
        else:
            id_ = STACK_ID
        former = self._stacks.get(id_ if stack.address.outer else stack.name)
        physical: dict[str, str] = {}
        parameters: dict[str, str] = {}
        outputs: dict[str, str] = {}
        deployed = DeployedStack(id_, deepcopy(stack.template), physical, parameters, outputs)
        physical |= {logical_id: self._physical(stack, logical_id, former) for logical_id in stack.resources}
        return Part(stack, former, deployed, physical, parameters, outputs)

    def _values_of(self, part: Part) -> StackValues:
        place = StackLocation(ACCOUNT, REGION, "aws", part.stack.address)
        return StackValues(part.stack.template, place, part.deployed, self._external(part))

    def _external(self, part: Part) -> ExternalValues:
        address = part.stack.address
        given = {}
        if address.outer:
            environment = self._parts[address.outer].stack.resources[address.nested[-1]]
            given = {
                name: partial(self._resolved, address.outer, value)
                for name, value in environment.get("Properties", {}).get("Parameters", {}).items()
            }
        exported = self._cloud.cloudformation.exported.__getitem__
        return ExternalValues(exported, self._output, partial(self._nested_output, address), given)

    def _made_parts(self) -> Iterator[Part]:
        """The stacks whose conditions hold, without the resources whose conditions don't."""
        for address, part in self._parts.items():
            if address.outer and address.nested[-1] not in self._parts[address.outer].physical:
                part.physical.clear()
                continue
            for id_ in part.stack.resources:
                if not self._values[address].is_made(id_):
                    del part.physical[id_]
            yield part

    def _physical(self, stack: StackArtifact, logical_id: str, former: DeployedStack | None) -> str:
        resource = stack.resources[logical_id]
        properties = resource.get("Properties", {})
        given = properties.get("InstanceProfileName") or properties.get("RoleName")
        if isinstance(given, str):
            return given
        before = former.physical_ids.get(logical_id) if former else None
        if (
            former
            and before
            and not (resource["Type"] in _RENAMED and is_replaced(former.resource(logical_id), resource))
        ):
            return before
        name = "-".join((stack.name, *(id_[:12] for id_ in stack.address.nested), logical_id, "1AB2C3D4"))
        match resource["Type"]:
            case "AWS::DynamoDB::Table":
                return TABLE
            case "AWS::SQS::Queue":
                return f"{QUEUE_URL}-{logical_id}"
            case "AWS::EC2::Instance":
                return self._cloud.fleet.add_instance(tags={"Name": "server"})
            case "AWS::IAM::ManagedPolicy":
                name = properties.get("ManagedPolicyName", name)
                return f"arn:aws:iam::{ACCOUNT}:policy/{name}"
            case kind if kind == STACK_TYPE:
                return f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/0f1e2d3c"
        return name

    def _create(self, name: str, resource: Mapping[str, Any], values: StackValues, former: Mapping[str, Any]) -> None:
        roles, properties = self._cloud.iam.roles, resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::IAM::Role":
                trust = properties.get("AssumeRolePolicyDocument", [])
                arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
                if name not in roles:
                    roles[name] = LiveRole(arn, values.resolve(trust), [], {})
                elif former and former.get("Properties", {}).get("AssumeRolePolicyDocument") != trust:
                    self._trust(roles[name], values.resolve(trust))
            case "AWS::IAM::InstanceProfile":
                found = values.resolve(properties["Roles"])
                self._create_profile(name, found[0] if found else None, properties.get("Path", "/"))

    def _trust(self, role: LiveRole, trust: Mapping[str, Any]) -> None:
        """Change the trust policy of a role, which IAM shows with each profile that holds the role."""
        role.trust = trust
        for profile in self._cloud.fleet.profiles.values():
            if profile.role_arn == role.arn:
                profile.trust = trust

    def _create_profile(self, name: str, role: str | None, path: str) -> None:
        """One that is there keeps its id."""
        fleet, arn = self._cloud.fleet, f"arn:aws:iam::{ACCOUNT}:instance-profile{path}{name}"
        known = self._cloud.iam.roles.get(role or "")
        if arn not in fleet.profiles:
            fleet.add_profile(name, role=role, path=path, **({"trust": known.trust} if known else {}))
        elif fleet.profiles[arn].role_arn != (role and f"arn:aws:iam::{ACCOUNT}:role/{role}"):
            fleet.change_role(arn, role)
            if known:
                fleet.profiles[arn].trust = known.trust

    def _set_up(self, part: Part, logical_id: str) -> None:
        """Give an instance the profile and the tags of its template, as far as they are not those of the former one."""
        fleet, id_, resolve = self._cloud.fleet, part.physical[logical_id], self._values[part.stack.address].resolve
        properties = part.stack.resources[logical_id].get("Properties", {})
        kept = part.former is not None and part.former.physical_ids.get(logical_id) == id_
        former = (part.former.resource(logical_id) or {}).get("Properties", {}) if part.former and kept else {}
        if properties.get("IamInstanceProfile") != former.get("IamInstanceProfile"):
            name = resolve(properties.get("IamInstanceProfile"))
            found = (arn for arn in fleet.profiles if arn.endswith(f"/{name}"))
            fleet.set_carried(id_, next(found) if isinstance(name, str) else None)
        if properties.get("Tags") != former.get("Tags"):
            removed = {tag["Key"]: None for tag in former.get("Tags", ())}
            given = {tag["Key"]: tag["Value"] for tag in resolve(properties.get("Tags", []))}
            fleet.set_tags(id_, **{**removed, **given})

    def _policies(self, part: Part) -> tuple[Deployed | None, Deployed]:
        """What CloudFormation compares: the former template and the new one."""
        address, external = part.stack.address, self._external(part)
        former = part.former
        place = StackLocation(ACCOUNT, REGION, "aws", address)
        before = None
        if former:
            resolve = StackValues(former.template, place, former, external).resolve
            before = Deployed(former.template, former.physical_ids, resolve)
        return before, Deployed(part.stack.template, part.physical, self._values[address].resolve)

    def _fill(self, part: Part) -> None:
        """Register the parameters and outputs of the stack with CloudFormation."""
        values, template = self._values[part.stack.address], part.stack.template
        for name in template.get("Parameters", {}):
            with suppress(UnresolvedError):
                part.parameters[name] = values.resolve({"Ref": name})
        for name, output in template.get("Outputs", {}).items():
            with suppress(UnresolvedError):
                part.outputs[name] = values.resolve(output["Value"])
                if "Export" in output:
                    self._cloud.cloudformation.exported[output["Export"]["Name"]] = part.outputs[name]

    def _associate(self, parts: list[Part]) -> None:
        """Call the handler, first for Creates and Updates, then for Deletes."""
        resources = self._cloud.deployments.setdefault(self._name, {})
        kept = set()
        for part in parts:
            for id_ in filter(part.physical.__contains__, part.stack.associations):
                kept.add(key := part.key(id_))
                properties = self._values[part.stack.address].properties(id_)
                properties = {"ServiceToken": "arn:of:the:framework", **properties}
                if self._fails:
                    self._leave_open(resources[key], properties)
                    continue
                if key in resources:
                    result = resources[key].update(properties)
                else:
                    resources[key] = ResourceOf(self._cloud.world, part.deployed.id, id_)
                    result = resources[key].create(properties)
                assert result.ok, result.reason
        for gone in () if self._fails else resources.keys() - kept:
            assert resources.pop(gone).delete().ok

    def _leave_open(self, resource: Resource, properties: Mapping[str, Any]) -> None:
        """The update fails for a reason of its own, and its rollback because all reads are denied."""
        update = resource.deliver(resource.event("Update", properties, resource.properties))
        assert not update.ok
        self._cloud.deny(DESCRIBE_INSTANCES)
        rollback = resource.deliver(resource.event("Update", resource.properties, properties))
        assert not rollback.ok
        self._cloud.traffic.faults.clear()
        resource.properties = dict(properties)

    def _keep_former(self, parts: list[Part]) -> None:
        """Removed resources are deleted only after everything has succeeded."""
        for part in parts:
            if part.former:
                part.physical |= {**part.former.physical_ids, **part.physical}

    def _clean_up(self, parts: list[Part]) -> None:
        for part in parts:
            before = part.former.physical_ids if part.former else {}
            for old in {*before.values()} - {*part.physical.values()}:
                self._stacks.pop(old, None)
                if old in self._cloud.fleet.instances:
                    self._cloud.fleet.change_state(old, "terminated")

    def _resolved(self, address: Address, value: Any) -> Any:
        return self._values[address].resolve(value)

    def _nested_output(self, address: Address, logical_id: str, name: str) -> Any:
        inner = address.inner(logical_id)
        return self._resolved(inner, self._parts[inner].stack.template["Outputs"][name]["Value"])

    def _output(self, stack: str, name: str, region: str | None) -> str:
        assert region in (None, REGION)
        return self._stacks[stack].outputs[name]
