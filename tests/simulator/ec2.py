"""EC2's API on the model: the calls that change associations, and those that describe them."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.simulator.descriptions import DESCRIBE_ASSOCIATIONS as DESCRIBE_ASSOCIATIONS
from tests.simulator.descriptions import DESCRIBE_ATTRIBUTE as DESCRIBE_ATTRIBUTE
from tests.simulator.descriptions import DESCRIBE_INSTANCES as DESCRIBE_INSTANCES
from tests.simulator.descriptions import MOST_FILTER_VALUES as MOST_FILTER_VALUES
from tests.simulator.descriptions import Descriptions
from tests.simulator.descriptions import Parameters as Parameters
from tests.simulator.errors import AwsError
from tests.simulator.fleet import Fleet, Instance, Profile, Row

ASSOCIATE = "AssociateIamInstanceProfile"
REPLACE = "ReplaceIamInstanceProfileAssociation"
DISASSOCIATE = "DisassociateIamInstanceProfile"
MUTATING = (ASSOCIATE, REPLACE, DISASSOCIATE)

UNKNOWN_ARN = (
    "InvalidParameterValue",
    "Value ({arn}) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN",
)
UNKNOWN_NAME = (
    "InvalidParameterValue",
    "Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
)
NOT_PROPAGATED = ("IncorrectState", "InstanceIdentityProfileNotFound")
"""The second form of the same race."""


class Ec2(Descriptions):
    """What EC2 answers. Every method takes the parameters of a request, and returns the elements of the answer."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(fleet)
        self.unknown_profile: tuple[str, str] | None = None
        """How EC2 says that it does not know a profile (yet). Default: as the parameter asks for it."""
        self.associable_states = {"running", "stopped"}
        """In which states an instance takes a profile. That others do not was seen for terminated ones only."""
        self.waits_for_the_old = True
        """A running instance takes no profile while it is still giving one up. That is a cautious assumption."""
        self.replace_renews_id = True
        """Replace by the same ARN is no no-op if the profile was created again, so that its id is another one. Nobody
        has seen which of both is true."""
        self.authorize: Callable[[str, Instance, Profile | None], None] = lambda *_: None
        """Raises if the caller may not do this to the instance, with the new profile."""
        self.actions: Mapping[str, Callable[[Parameters], Mapping[str, Any]]] = {
            ASSOCIATE: self._associate,
            REPLACE: self._replace,
            DISASSOCIATE: self._disassociate,
            DESCRIBE_ASSOCIATIONS: self.describe_associations,
            DESCRIBE_INSTANCES: self.describe_instances,
            DESCRIBE_ATTRIBUTE: self.describe_attribute,
        }

    def _associate(self, parameters: Parameters) -> Mapping[str, Any]:
        instance = self._instance(parameters["InstanceId"])
        profile, arn = self._profile(parameters["IamInstanceProfile"])
        self.authorize(ASSOCIATE, instance, profile or Profile(arn, None))
        self._check_state(instance)
        if self.fleet.listed([instance.id]) if self.waits_for_the_old else self.fleet.active(instance.id):
            raise AwsError("IncorrectState", f"There is an existing association for instance {instance.id}")
        self._check_known(profile, parameters["IamInstanceProfile"])
        return self._association(self.fleet.begin(instance.id, arn))

    def _replace(self, parameters: Parameters) -> Mapping[str, Any]:
        row = self._row(parameters["AssociationId"], never_existed=("InvalidParameterValue", "Invalid Id: {id}"))
        instance = self._instance(row.instance_id)
        profile, arn = self._profile(parameters["IamInstanceProfile"])
        self.authorize(REPLACE, instance, profile or Profile(arn, None))
        if self.fleet.state(instance.id) != "running" or row.ended_at is not None:
            raise AwsError("IncorrectState", f"The association {row.id} is not the active association")
        self._check_known(profile, parameters["IamInstanceProfile"])
        if row.arn == arn and not (profile and profile.id != row.profile_id and self.replace_renews_id):
            return self._association(row)
        return self._association(self.fleet.replace(row, arn))

    def _disassociate(self, parameters: Parameters) -> Mapping[str, Any]:
        row = self._row(parameters["AssociationId"])
        instance = self._instance(row.instance_id)
        self.authorize(DISASSOCIATE, instance, None)
        if row.ended_at is None:
            self.fleet.end(row)
            if self.fleet.state(instance.id) == "running":
                self.fleet.bared.append(instance.id)
        return self._association(row)

    def _profile(self, asked: Mapping[str, str]) -> tuple[Profile | None, str]:
        """The profile that is asked for. Of Name and Arn together, Arn wins silently."""
        if "Arn" in asked:
            return self.fleet.profiles.get(asked["Arn"]), asked["Arn"]
        named = next((one for one in self.fleet.profiles.values() if one.name == asked.get("Name")), None)
        return named, named.arn if named else ""

    def _check_state(self, instance: Instance) -> None:
        if self.fleet.state(instance.id) not in self.associable_states:
            message = f"The instance '{instance.id}' is not in the 'running' or 'stopped' states."
            raise AwsError("IncorrectInstanceState", message)

    def _check_known(self, profile: Profile | None, asked: Mapping[str, str]) -> None:
        """A profile without a role in it is accepted."""
        if profile is None or self.fleet.clock() < profile.known_from:
            code, message = self.unknown_profile or (UNKNOWN_ARN if "Arn" in asked else UNKNOWN_NAME)
            raise AwsError(code, message.format(arn=asked.get("Arn"), name=asked.get("Name")))

    def _association(self, row: Row) -> Mapping[str, Any]:
        return {"iamInstanceProfileAssociation": self._shown(row)}
