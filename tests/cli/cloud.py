"""An account and Region in this process, for the tests of plan and status.

EC2, IAM's profiles and DynamoDB are the simulator, with real boto3 clients in front of it, and the real
handler does the deployments. CloudFormation and IAM's policies are as simple as can be.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from cdk_instance_role.cli.aws.clients import Aws
from cdk_instance_role.cli.aws.partial_reader import PartialReader
from cdk_instance_role.cli.enforcement.history import History
from cdk_instance_role.cli.live.environment import Environment
from cdk_instance_role.cli.model import AssociationPlan
from cdk_instance_role.cli.planning.association_plan import plan_stack
from cdk_instance_role.cli.planning.association_status import status_of_stack
from cdk_instance_role.cli.status_model import AssociationStatus
from cdk_instance_role.cli.template.assembly import StackArtifact
from cdk_instance_role.cli.template.deployed_stack import DeployedStack, deployed_stack
from cdk_instance_role.cli.template.stacks import associations, of_type
from cdk_instance_role.runtime.association.aws.rate_limiter import RateLimiter
from cdk_instance_role.runtime.association.services import ONE_ATTEMPT, READING
from tests.cli.deployment import Deployment, LiveRole
from tests.cli.servers import BY_TAGS
from tests.cli.services import Messages, Trail
from tests.simulator.clients import Clients
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import DESCRIBE_INSTANCES, Parameters
from tests.simulator.errors import AwsError
from tests.simulator.fleet import ACCOUNT, REGION, Instance

SELECTED: Mapping[str, str] = {key: values[0] for key, values in BY_TAGS.items()}
"""Tags of the instances that `Servers` selects unless it gets ids."""
_METADATA: Any = {"HTTPStatusCode": HTTPStatus.BAD_REQUEST}


def refusal(operation: str, code: str = "AccessDenied", message: str = "User is not authorized") -> ClientError:
    """An error as boto3 raises it."""
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": _METADATA}, operation)


class Paginator:
    """The one page of a call."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def paginate(self, **parameters: Any) -> Iterator[Any]:
        parameters.pop("PaginationConfig", None)
        yield self._call(**parameters)


class Service:
    """The common part of the stand-ins for clients."""

    def __init__(self) -> None:
        self.refused: dict[str, ClientError | BotoCoreError] = {}
        """Errors by operation."""

    def refuse(self, operation: str, code: str = "AccessDenied") -> None:
        self.refused[operation] = refusal(operation, code)

    def get_paginator(self, name: str) -> Paginator:
        return Paginator(getattr(self, name))

    def _called(self, operation: str) -> None:
        if operation in self.refused:
            raise self.refused[operation]


class CloudFormation(Service):
    """Stacks by name, nested ones by their ids."""

    def __init__(self) -> None:
        super().__init__()
        self.stacks: dict[str, DeployedStack] = {}
        self.status: str | None = None
        """Status of all stacks. Default: each has its own."""
        self.former_types: dict[str, str] = {}
        """Types of the resources that failed updates have left behind, by logical id."""
        self.exported: dict[str, str] = {}
        self.roots: dict[str, str] = {}
        """Names of the stacks at the top, by the ids of all stacks."""
        self._broken: set[str] = set()

    def break_templates(self, *stacks: str) -> None:
        """Let these stacks have templates that can't be read."""
        self._broken |= set(stacks)

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 - boto3's own name
        self._called("DescribeStacks")
        root = self.roots.get(StackName)
        name = root if root and StackName not in self.stacks else StackName
        if name not in self.stacks:
            message = f"Stack with id {StackName} does not exist"
            raise refusal("DescribeStacks", "ValidationError", message)
        stack = self.stacks[name]
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in stack.parameters.items()]
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in stack.outputs.items()]
        described = {
            "StackId": stack.id,
            "StackStatus": self.status or stack.status,
            "Parameters": given,
            "Outputs": outputs,
        }
        named = {"RootId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{root}/0"} if root else {}
        return {"Stacks": [{**described, **named}]}

    def list_stack_resources(self, StackName: str) -> Any:  # noqa: N803
        self._called("ListStackResources")
        stack = self.stacks[StackName]
        types = {**self.former_types, **types_of(stack)}
        failed = dict.fromkeys(stack.failed, "AWSCDK::CustomResourceProviderFramework::CREATE_FAILED")
        rows = [
            {
                "LogicalResourceId": id_,
                "PhysicalResourceId": physical,
                "ResourceType": types.get(id_, "AWS::CDK::Metadata"),
                "ResourceStatus": "CREATE_FAILED" if id_ in failed else "CREATE_COMPLETE",
            }
            for id_, physical in {**stack.physical_ids, **failed}.items()
        ]
        return {"StackResourceSummaries": rows}

    def get_template(self, StackName: str) -> Any:  # noqa: N803
        self._called("GetTemplate")
        return {"TemplateBody": "Resources: [" if StackName in self._broken else self.stacks[StackName].template}

    def list_exports(self) -> Any:
        self._called("ListExports")
        return {"Exports": [{"Name": name, "Value": value} for name, value in self.exported.items()]}


class Tagging(Service):
    """Finds the tables of deployed stacks by the tags that their templates give them."""

    def __init__(self, cloudformation: CloudFormation) -> None:
        super().__init__()
        self._cloudformation = cloudformation

    def get_resources(self, TagFilters: Any, ResourceTypeFilters: Any) -> Any:  # noqa: N803
        self._called("GetResources")
        assert ResourceTypeFilters == ["dynamodb:table"]
        ((key, values),) = ((one["Key"], one["Values"]) for one in TagFilters)
        found = []
        for name, stack in self._cloudformation.stacks.items():
            for id_, table in of_type(stack.template, "AWS::DynamoDB::Table").items():
                tags = table["Properties"].get("Tags", [])
                if any(tag["Key"] == key and tag["Value"] in values for tag in tags):
                    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{stack.physical_ids[id_]}"
                    of_stack = {"Key": "aws:cloudformation:stack-name", "Value": name}
                    found.append({"ResourceARN": arn, "Tags": [*tags, of_stack]})
        return {"ResourceTagMappingList": found}


class Iam(Service):
    """Profiles are the simulator's; a managed policy allows everything of a service of its own name."""

    def __init__(self, world: World, simulated: Any) -> None:
        super().__init__()
        self.world, self._simulated = world, simulated
        self.roles: dict[str, LiveRole] = {}
        self.policies: dict[str, Any] = {}
        """Documents of the managed policies that stacks have made, by their ARNs."""
        self.missing: set[str] = set()
        """ARNs of managed policies that do not exist."""

    def get_instance_profile(self, **parameters: Any) -> Any:
        self._called("GetInstanceProfile")
        return self._simulated.get_instance_profile(**parameters)

    def get_role(self, RoleName: str) -> Any:  # noqa: N803
        self._called("GetRole")
        role = self._role("GetRole", RoleName)
        return {"Role": {"RoleName": RoleName, "Arn": role.arn, "AssumeRolePolicyDocument": role.trust}}

    def list_attached_role_policies(self, RoleName: str) -> Any:  # noqa: N803
        self._called("ListAttachedRolePolicies")
        attached = self._role("ListAttachedRolePolicies", RoleName).attached
        return {"AttachedPolicies": [{"PolicyArn": arn} for arn in attached]}

    def list_role_policies(self, RoleName: str) -> Any:  # noqa: N803
        self._called("ListRolePolicies")
        return {"PolicyNames": list(self._role("ListRolePolicies", RoleName).inline)}

    def get_role_policy(self, RoleName: str, PolicyName: str) -> Any:  # noqa: N803
        self._called("GetRolePolicy")
        return {"PolicyDocument": self._role("GetRolePolicy", RoleName).inline[PolicyName]}

    def get_policy(self, PolicyArn: str) -> Any:  # noqa: N803
        self._called("GetPolicy")
        if PolicyArn in self.missing:
            raise refusal("GetPolicy", "NoSuchEntity", f"Policy {PolicyArn} was not found.")
        return {"Policy": {"Arn": PolicyArn, "DefaultVersionId": "v1"}}

    def get_policy_version(self, PolicyArn: str, VersionId: str) -> Any:  # noqa: N803
        self._called("GetPolicyVersion")
        assert VersionId == "v1"
        if PolicyArn in self.policies:
            return {"PolicyVersion": {"Document": self.policies[PolicyArn]}}
        action = f"{PolicyArn.rpartition('/')[2].lower()}:*"
        return {"PolicyVersion": {"Document": {"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}}}

    def list_instance_profiles_for_role(self, RoleName: str) -> Any:  # noqa: N803
        self._called("ListInstanceProfilesForRole")
        self._role("ListInstanceProfilesForRole", RoleName)
        profiles = self.world.fleet.profiles.values()
        arns = [one.arn for one in profiles if one.role_arn and one.role_arn.rpartition("/")[2] == RoleName]
        return {"InstanceProfiles": [{"Arn": arn} for arn in arns]}

    def _role(self, operation: str, name: str) -> LiveRole:
        if name in self.roles:
            return self.roles[name]
        for profile in self.world.fleet.profiles.values():
            if profile.role_arn and profile.role_arn.rpartition("/")[2] == name:
                return LiveRole(profile.role_arn, profile.trust, [], {})
        raise refusal(operation, "NoSuchEntity", f"The role with name {name} cannot be found.")


@dataclass
class StandIn:
    """Has what the command line uses of `Aws`."""

    ec2: Any
    iam: Iam
    cloudformation: CloudFormation
    dynamodb: Any
    sqs: Any
    cloudtrail: Any
    tagging: Tagging
    account: str = ACCOUNT
    region: str = REGION
    partition: str = "aws"

    def deployed_stack(self, name: str) -> DeployedStack | None:
        return deployed_stack(cast(Any, self.cloudformation), name)

    def check(self) -> None:
        """There are credentials."""

    def close(self) -> None:
        """There is nothing to release."""


class Cloud:
    """The account, with the profiles Web, Old and Foreign, which hold roles of the same names."""

    def __init__(self) -> None:
        self.world = World()
        self.fleet, self.traffic = self.world.fleet, self.world.traffic
        self.web, self.old, self.foreign = self.world.web, self.world.old, self.world.foreign
        clients = Clients.of(self.world.aws, reading=READING, changing=ONE_ATTEMPT)
        self.cloudformation, self.iam = CloudFormation(), Iam(self.world, clients.iam)
        self.messages, self.trail = Messages(self.world), Trail()
        self.tagging = Tagging(self.cloudformation)
        self.aws = StandIn(
            clients.ec2,
            self.iam,
            self.cloudformation,
            clients.dynamodb,
            clients.sqs,
            self.trail.client,
            self.tagging,
        )
        self.described: dict[str, dict[str, Any]] = {}
        """What EC2 says of instances besides what the simulator knows."""
        self.deployments: dict[str, dict[str, Resource]] = {}
        """Associations that are deployed, by their stack and their logical id."""
        self.enabled_regions: list[str] = []
        self._describe = self.world.ec2.actions[DESCRIBE_INSTANCES]
        more = {DESCRIBE_INSTANCES: self._describe_instances, "DescribeRegions": self._describe_regions}
        self.world.ec2.actions = {**self.world.ec2.actions, **more}

    # What is there

    def instance(
        self,
        number: int,
        carries: str | None = None,
        state: str = "running",
        tags: Mapping[str, str] = SELECTED,
        **more: Any,
    ) -> str:
        """An instance with the id of this number, and whatever else there is to an `Instance`."""
        id_ = f"i-{number:017x}"
        more = {"since": self.world.clock()} | more
        self.fleet.instances[id_] = Instance(id_, state, {"Name": f"web-{number}", **tags}, **more)
        if carries:
            self.fleet.begin(id_, carries, since=self.world.clock() - 1000)
        return id_

    def role(self, name: str, *policies: str, path: str = "/", **inline: Any) -> LiveRole:
        """A role with AWS's managed policies of these names."""
        trust = self.fleet.profiles[self.web].trust
        attached = [f"arn:aws:iam::aws:policy/{policy}" for policy in policies]
        self.iam.roles[name] = LiveRole(f"arn:aws:iam::{ACCOUNT}:role{path}{name}", trust, attached, inline)
        return self.iam.roles[name]

    def deny(self, action: str, code: str = "UnauthorizedOperation") -> None:
        """Let EC2 or DynamoDB deny a call to every caller."""
        self.traffic.fail(action, AwsError(code, "You are not authorized", HTTPStatus.FORBIDDEN), times=10_000)

    # CloudFormation

    def deploy(self, stack: StackArtifact) -> DeployedStack:
        """Deploy a stack: its roles and profiles are created, and the handler is called."""
        Deployment(self, stack).run()
        return self.cloudformation.stacks[stack.name]

    def fail_to_update(self, stack: StackArtifact) -> None:
        """Deploy a stack with ``--no-rollback``: the updates of its associations fail, for reasons that tests provide,
        and so do their rollbacks. Then the reasons are gone."""
        Deployment(self, stack, fails=True).run()
        deployed = self.cloudformation.stacks[stack.name]
        self.cloudformation.stacks[stack.name] = replace(deployed, status="UPDATE_FAILED")

    def fail_to_delete(self, stack: StackArtifact) -> None:
        """Delete a deployed stack: that of its only association fails, because all reads of instances are denied."""
        resource = self.deployments[stack.name][only_association(stack)]
        self.deny(DESCRIBE_INSTANCES)
        assert not resource.deliver(resource.event("Delete", resource.properties)).ok
        self.traffic.faults.clear()
        deployed = self.cloudformation.stacks[stack.name]
        self.cloudformation.stacks[stack.name] = replace(deployed, status="DELETE_FAILED")

    def fail_to_reach(self, stack: StackArtifact) -> None:
        """Deploy a stack with ``--no-rollback``: its first resource fails, so that no other one is reached. The stack
        has the new template, and lists what that lacks, because nothing is deleted before the clean-up."""
        former = self.cloudformation.stacks[stack.name]
        self.cloudformation.former_types |= types_of(former)
        self.cloudformation.stacks[stack.name] = replace(former, template=stack.template, status="UPDATE_FAILED")

    def fail_to_create(self, stack: StackArtifact) -> None:
        """Let the only association of a deployed stack be one whose creation has failed with ``--no-rollback``. What it
        holds it goes on to hold."""
        deployed, failed = self.cloudformation.stacks[stack.name], only_association(stack)
        kept = {id_: physical for id_, physical in deployed.physical_ids.items() if id_ != failed}
        self.cloudformation.stacks[stack.name] = replace(deployed, physical_ids=kept, failed=frozenset({failed}))
        del self.deployments[stack.name][failed]

    # The command line

    def environment(self, *stacks: StackArtifact) -> Environment:
        rate_limiter = RateLimiter(clock=self.world.clock, sleep=self.world.clock.sleep)
        return Environment(cast(Aws, self.aws), stacks, PartialReader(), rate_limiter)

    def plans(self, stack: StackArtifact, *others: StackArtifact) -> list[AssociationPlan]:
        """What a deployment of a stack would do, as the plan of each association."""
        return plan_stack(stack, self.environment(stack, *others), self.world.clock())

    def plan(self, stack: StackArtifact, *others: StackArtifact) -> AssociationPlan:
        """The same of the only association."""
        (plan,) = self.plans(stack, *others)
        return plan

    def statuses(self, stack: StackArtifact, *others: StackArtifact, who: bool = False) -> list[AssociationStatus]:
        """How the associations of a deployed stack are."""
        environment = self.environment(stack, *others)
        history = History(self.aws.cloudtrail, environment.reader, self.world.clock.sleep) if who else None
        return status_of_stack(stack, environment, self.world.clock(), history)

    def status(self, stack: StackArtifact, *others: StackArtifact, who: bool = False) -> AssociationStatus:
        (status,) = self.statuses(stack, *others, who=who)
        return status

    def role_of(self, stack: StackArtifact) -> str:
        """Name of the role Web of a deployed stack."""
        return next(
            physical
            for id_, physical in self.cloudformation.stacks[stack.name].physical_ids.items()
            if id_.startswith("WebRole")
        )

    def profile_of(self, stack: StackArtifact) -> str:
        """ARN of the profile Web of a deployed stack."""
        ids = self.cloudformation.stacks[stack.name].physical_ids
        name = next(physical for id_, physical in ids.items() if id_.startswith("WebInstanceProfile"))
        return next(arn for arn in self.fleet.profiles if arn.endswith(f"/{name}"))

    # EC2

    def _describe_regions(self, _: Parameters) -> Mapping[str, Any]:
        return {"regionInfo": [{"regionName": one} for one in self.enabled_regions]}

    def _describe_instances(self, parameters: Parameters) -> Mapping[str, Any]:
        answer: Any = self._describe(parameters)
        for reservation in answer["reservationSet"]:
            for instance in reservation["instancesSet"]:
                instance |= self.described.get(instance["instanceId"], {})
        return cast(Mapping[str, Any], answer)


def types_of(stack: DeployedStack) -> dict[str, str]:
    """Types of the resources of its template, by logical id."""
    return {id_: one["Type"] for id_, one in stack.template["Resources"].items()}


def only_association(stack: StackArtifact) -> str:
    """Logical id of the association of a stack."""
    (logical_id,) = associations(stack.template)
    return logical_id
