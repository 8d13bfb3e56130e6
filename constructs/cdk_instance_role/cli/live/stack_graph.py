"""The stacks of one account and Region: as they are deployed, and what their values come to, each looked at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from ..aws.clients import Aws
from ..aws.partial_reader import PartialReader, is_denied
from ..model import unique
from ..template.assembly import StackArtifact
from ..template.deployed_stack import DeployedStack, exports
from ..template.intrinsic_functions import UnresolvedError
from ..template.property_values import ExternalValues, StackValues
from ..template.replacement import DELETION, is_retained
from ..template.stacks import STACK_TYPE, Address, of_type
from ..template.template_inputs import StackLocation
from .ledgers import TaggedLedger, tagged_ledgers

_EXISTENCE_CALL = "DescribeStacks"


class StackGraph:
    """Stacks that refer to one another. A nested stack is one of them; only its parameters come from the stack around
    it, and what it puts out goes there."""

    def __init__(self, aws: Aws, stacks: Sequence[StackArtifact], reader: PartialReader) -> None:
        """
        Args:
            aws: clients for the Region.
            stacks: the stacks of the assembly that are for it, each with a name of its own.
            reader: remembers what could not be seen.
        """
        self._aws, self.region, self.reader = aws, aws.region, reader
        self._artifacts = {one.address: one for stack in stacks for one in stack.family}
        assert len({one.name for one in stacks}) == len(stacks), "one of two stacks of one name would hide the other"
        self._values: dict[Address, StackValues] = {}
        self._former: dict[Address, StackValues] = {}
        self._may_not_exist: set[Address] = set()

    @property
    def artifacts(self) -> list[StackArtifact]:
        """The stacks of the assembly, nested ones included."""
        return [*self._artifacts.values()]

    @property
    def stacks(self) -> list[StackArtifact]:
        """The stacks of the assembly that are at the top."""
        return [one for one in self._artifacts.values() if one.address.outer is None]

    @property
    def planned(self) -> list[StackValues]:
        """The values that were asked for, as they will be."""
        return [*self._values.values()]

    @property
    def former(self) -> list[StackValues]:
        """The values that were asked for, as they are."""
        return [*self._former.values()]

    def deployed(self, address: Address) -> DeployedStack | None:
        """A stack as it is deployed; None if it is not, or if that can't be seen."""
        name: str | None = address.name
        if address.outer:
            outer = self.deployed(address.outer)
            name = outer.physical_ids.get(address.nested[-1]) if outer else None
        if name is None:
            return None
        return self.reader.once(self._read_subject(address), partial(self._look, address, name), None)

    def read_problems(self, address: Address, *, of_existence: bool = True) -> tuple[str, ...]:
        """Why a stack can't be read, in sentences; none if it can.

        Args:
            address: the stack.
            of_existence: also that the credentials may not even look whether there is a stack.
        """
        self.deployed(address)
        above = self.read_problems(address.outer, of_existence=of_existence) if address.outer else ()
        counts = of_existence or address not in self._may_not_exist
        return (*above, *self.reader.gaps(self._read_subject(address))) if counts else above

    def with_ledgers(self) -> tuple[str, ...]:
        """Names of the deployed stacks that have a ledger, as its tag says."""
        what = f"the ledgers in {self._aws.region} by their tag"
        found = self.reader.once(what, partial(tagged_ledgers, self._aws.tagging), list[TaggedLedger]())
        return unique([one.stack for one in found if one.stack])

    def family(self, stack: StackArtifact) -> Iterator[StackArtifact]:
        """A stack with all that are nested in it, those included that are deployed and which the assembly has no more.

        Args:
            stack: the stack, as the assembly has it.
        """
        yield stack
        deployed = self.deployed(stack.address)
        found = (deployed.inner_stacks if stack.is_discovered else deployed.nested) if deployed else ()
        for logical_id in dict.fromkeys((*stack.nested, *found)):
            yield from self.family(stack.nested.get(logical_id) or stack.without(logical_id))

    def exists_after(self, address: Address) -> bool:
        """Whether a stack is there after the deployment. A nested one may be gone, or not be made.

        Raises:
            UnresolvedError: that is not known before the deployment.
        """
        if address.outer is None:
            return True
        if not self.exists_after(address.outer):
            return False
        environment, logical_id = self._artifacts[address.outer].template, address.nested[-1]
        if logical_id not in of_type(environment, STACK_TYPE):
            return False
        if address not in self._artifacts:
            path = address.outer.path(environment, logical_id)
            raise UnresolvedError(f"the template of nested stack {path} is not in the assembly")
        return self.values(address.outer).is_made(logical_id)

    def is_retained(self, address: Address, logical_id: str) -> bool:
        """Whether a deployed resource stays as it is when it leaves the template, as the deployed template says.

        Raises:
            UnresolvedError: that is not known.
        """
        deployed = self.deployed(address)
        resource = deployed.resource(logical_id) if deployed else None
        if deployed is None or resource is None:
            return False
        deployed.check_template_has(logical_id)
        return is_retained(resource, DELETION, self.former_values(address, deployed).resolve)

    def values(self, address: Address) -> StackValues:
        """What the values of a stack will come to. One that is not in the assembly has none."""
        if address not in self._values:
            external = ExternalValues(
                self._exported, self._output, partial(self._nested_output, address), self._given(address)
            )
            template = self._artifacts[address].template if address in self._artifacts else {}
            deployed = self.deployed(address)
            was = partial(self._resolved_before, address, deployed) if deployed else None
            self._values[address] = StackValues(template, self._location(address), deployed, external, was)
        return self._values[address]

    def former_values(self, address: Address, deployed: DeployedStack) -> StackValues:
        """What the values of a deployed stack have come to."""
        if address not in self._former:
            external = ExternalValues(self._live_export, self._live_output, partial(self._live_nested_output, address))
            self._former[address] = StackValues(deployed.template, self._location(address), deployed, external)
        return self._former[address]

    def _look(self, address: Address, name: str) -> DeployedStack | None:
        try:
            return self._aws.deployed_stack(name)
        except ClientError as error:
            # A nested stack is known to be there.
            if not address.outer and error.operation_name == _EXISTENCE_CALL and is_denied(error):
                self._may_not_exist.add(address)
            raise

    def _read_subject(self, address: Address) -> str:
        nested = f"nested stack {'/'.join(address.nested)} of " if address.nested else ""
        return f"whether {nested}stack {address.name} is deployed in {self._aws.region}"

    def _location(self, address: Address) -> StackLocation:
        return StackLocation(self._aws.account, self._aws.region, self._aws.partition, address)

    def _given(self, address: Address) -> Mapping[str, Callable[[], Any]]:
        """What the stack around a nested one gives it."""
        if address.outer is None or address not in self._artifacts:
            return {}
        resource = self._artifacts[address.outer].resources[address.nested[-1]]
        parameters = resource.get("Properties", {}).get("Parameters", {})
        return {name: partial(self._resolved, address.outer, value) for name, value in parameters.items()}

    def _resolved(self, address: Address, value: Any) -> Any:
        return self.values(address).resolve(value)

    def _resolved_before(self, address: Address, deployed: DeployedStack, value: Any) -> Any:
        return self.former_values(address, deployed).resolve(value)

    def _nested_output(self, address: Address, logical_id: str, name: str) -> Any:
        inner = address.inner(logical_id)
        if output := self._planned_output(inner, name):
            return self._resolved(inner, output["Value"])
        return self._live_nested_output(address, logical_id, name)

    def _live_nested_output(self, address: Address, logical_id: str, name: str) -> Any:
        return self._output_value(address.inner(logical_id), name, f"nested stack {logical_id}")

    def _exported(self, name: str) -> Any:
        for address, key in self._exports(name):
            if output := self._planned_output(address, key):
                return self._resolved(address, output["Value"])
        return self._live_export(name)

    def _exports(self, name: str) -> Iterator[tuple[Address, str]]:
        """The stacks of the assembly that may export something by this name, each with the name of the output."""
        for address, stack in self._artifacts.items():
            for key, output in stack.outputs.items():
                if "Export" in output and self._export_name(address, output["Export"]["Name"]) == name:
                    yield address, key

    def _export_name(self, address: Address, name: Any) -> Any:
        """The plain name of an export; None if it is not known before the deployment."""
        if isinstance(name, str):
            return name
        with self.reader.discard_gaps(), suppress(UnresolvedError):
            return self._resolved(address, name)
        return None

    def _planned_output(self, address: Address, name: str) -> Mapping[str, Any] | None:
        """An output that a stack of the assembly will have; None if there will be none such.

        Raises:
            UnresolvedError: that is not known before the deployment.
        """
        output = self._artifacts[address].outputs.get(name) if address in self._artifacts else None
        condition = output.get("Condition") if output else None
        return output if condition is None or self.values(address).resolve.holds(condition) else None

    def _output(self, stack: str, name: str, region: str | None) -> Any:
        address, here = Address(stack), region in (None, self._aws.region)
        if here and (output := self._planned_output(address, name)):
            return self._resolved(address, output["Value"])
        return self._live_output(stack, name, region)

    def _live_output(self, stack: str, name: str, region: str | None) -> Any:
        if region not in (None, self._aws.region):
            raise UnresolvedError(f"output {name} of stack {stack} in {region} is not looked at")
        return self._output_value(Address(stack), name, f"stack {stack}")

    def _output_value(self, address: Address, name: str, who: str) -> Any:
        deployed = self.deployed(address)
        if deployed is None or name not in deployed.outputs:
            raise UnresolvedError(f"{who} has no output {name} yet")
        return deployed.outputs[name]

    def _live_export(self, name: str) -> Any:
        for address, key in self._exports(name):
            deployed = self.deployed(address)
            if deployed and key in deployed.outputs:  # without the right to list all exports
                return deployed.outputs[key]
        look = partial(exports, self._aws.cloudformation)
        exported = self.reader.once(f"what stacks export in {self._aws.region}", look, dict[str, str]())
        if name not in exported:
            raise UnresolvedError(f"no stack exports {name} yet")
        return exported[name]
