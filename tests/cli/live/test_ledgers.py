"""Which ledger an association has: where the provider is that handles it, and which one it is."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from aws_cdk import NestedStack, Stack

from cdk_instance_role import AssociationProvider, Enforcement, InstanceRole, InstanceSelection
from cdk_instance_role.cli.live.providers import provider_of, queues_beside, table_behind
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from cdk_instance_role.cli.template.intrinsic_functions import UnresolvedError
from cdk_instance_role.cli.template.stacks import of_type
from tests.cli.cloud import Cloud
from tests.cli.planning.test_planning import shared
from tests.cli.servers import Servers, new_app, synthesized, written
from tests.synth.builders import IRELAND
from tests.unit.builders import instance_id


@cache
def two_providers() -> StackArtifact:
    """A stack with two providers, one for itself, and both for a nested stack."""
    app = new_app()
    stack = Stack(app, "Two", env=IRELAND)
    nested = NestedStack(stack, "Nested")
    first, second = AssociationProvider(stack, "First"), AssociationProvider(stack, "Second")
    for number, (scope, provider) in enumerate([(stack, first), (nested, second), (nested, first)]):
        selection = InstanceSelection.by_ids(instance_id(number))
        InstanceRole(scope, f"Web{number}").associate_with("Fleet", selection, provider=provider)
    (artifact,) = assembly.read(written(app))
    return artifact


@pytest.fixture
def cloud() -> Cloud:
    """An account whose instances the stacks of these tests select."""
    cloud = Cloud()
    for number in range(3):
        cloud.instance(number)
    cloud.instance(3, tags={"app": "other"})
    return cloud


def deploy(cloud: Cloud, *stacks: StackArtifact) -> None:
    """Deploy stacks, and give their tables different names."""
    for stack in stacks:
        cloud.deploy(stack)
    for name, one in cloud.cloudformation.stacks.items():
        tables = {id_: id_ for id_ in of_type(one.template, "AWS::DynamoDB::Table")}
        cloud.cloudformation.stacks[name] = replace(one, physical_ids={**one.physical_ids, **tables})


def ledgers(cloud: Cloud, stack: StackArtifact, *others: StackArtifact) -> dict[str, str]:
    """The ledgers of the associations of a stack, by their paths."""
    stacks = cloud.environment(stack, *others).stacks
    return {
        one.path(id_): provider_of(stacks, one.address, stacks.former_values(one.address, deployed), id_).ledger
        for one in stack.family
        for id_ in one.associations
        if (deployed := stacks.deployed(one.address))
    }


def test_finds_the_ledger_in_the_stack_of_the_association(cloud: Cloud) -> None:
    stack = synthesized(Servers())
    deploy(cloud, stack)

    assert ledgers(cloud, stack) == {"Web/Fleet": "InstanceProfileAssociationProviderLedger4D2D63D1"}


def test_distinguishes_the_providers_of_a_stack(cloud: Cloud) -> None:
    deploy(cloud, two_providers())

    found = ledgers(cloud, two_providers())

    assert {path: table[:-8] for path, table in found.items()} == {
        "Web0/Fleet": "FirstLedger",
        "Nested/Web1/Fleet": "SecondLedger",
        "Nested/Web2/Fleet": "FirstLedger",
    }


@pytest.mark.parametrize("references", ["weak", "strong"])
def test_finds_the_ledger_in_the_stack_whose_provider_is_shared(cloud: Cloud, references: str) -> None:
    base, user, another = shared(references)
    deploy(cloud, base, another, user)

    (table,) = ledgers(cloud, user, another, base).values()

    assert table.startswith("ProviderLedger")


def test_needs_no_list_of_exports_if_a_stack_of_the_assembly_exports_the_value(cloud: Cloud) -> None:
    base, user, _ = shared("strong")
    deploy(cloud, base, user)
    cloud.cloudformation.refuse("ListExports")

    assert ledgers(cloud, user, base)


def test_needs_no_assembly_with_the_stack_of_the_provider_if_its_name_is_known(cloud: Cloud) -> None:
    base, user, _ = shared("weak")
    deploy(cloud, base, user)

    assert ledgers(cloud, user)


def test_finds_the_ledger_by_its_tag_if_no_stack_of_the_assembly_has_it(cloud: Cloud) -> None:
    base, user, another = shared("strong")
    deploy(cloud, base, another, user)

    (table,) = ledgers(cloud, user, another).values()

    assert table.startswith("ProviderLedger")


def test_fails_when_no_stack_has_the_ledger_and_it_has_no_tag(cloud: Cloud) -> None:
    base, user, another = shared("strong")
    deploy(cloud, base, another, user)
    for table in of_type(cloud.cloudformation.stacks["Base"].template, "AWS::DynamoDB::Table").values():
        del table["Properties"]["Tags"]

    with pytest.raises(UnresolvedError, match="no stack of the assembly has it, nor one with a tagged ledger"):
        ledgers(cloud, user, another)


def test_says_so_if_it_may_not_search_for_ledgers_by_their_tag(cloud: Cloud) -> None:
    base, user, another = shared("strong")
    deploy(cloud, base, another, user)
    cloud.tagging.refuse("GetResources")

    (status,) = {one.unseen for one in cloud.statuses(user, another)}

    assert "the ledgers in eu-west-1 by their tag: not allowed (GetResources)" in status


def test_says_so_if_no_ledger_is_found(cloud: Cloud) -> None:
    base, user, _ = shared()
    deploy(cloud, base, user)
    del cloud.cloudformation.stacks["Base"]

    assert [one[:37] for one in cloud.status(user).unseen] == ["the ledger: stack Base has no output "]


# The queue of enforcement


@cache
def enforced_by_another_stack() -> tuple[StackArtifact, ...]:
    """A stack with two providers, and one whose association is enforced by the second of them."""
    app = new_app()
    base, user = Stack(app, "Base", env=IRELAND), Stack(app, "User", env=IRELAND)
    AssociationProvider(base, "First")
    second = AssociationProvider(base, "Second")
    InstanceRole(user, "Web").associate_with(
        "Fleet", InstanceSelection.by_ids(instance_id(0)), provider=second, enforcement=Enforcement.report()
    )
    return tuple(sorted(assembly.read(written(app)), key=lambda stack: stack.name))


def test_finds_the_queues_in_the_stack_of_the_provider(cloud: Cloud) -> None:
    base, user = enforced_by_another_stack()
    deploy(cloud, base, user)
    (logical_id,) = user.associations

    found = cloud.environment(user, base).provider(user.address, logical_id)

    assert found
    assert found.ledger.startswith("SecondLedger")
    assert found.queue
    assert found.dead_letters
    assert [url.rpartition("/Queue-")[2][:-8] for url in (found.queue, found.dead_letters)] == [
        "SecondEnforcementQueue",
        "SecondEnforcementDeadLetters",
    ]


def test_a_provider_without_enforcement_has_no_queue(cloud: Cloud) -> None:
    stack = synthesized(Servers())
    deploy(cloud, stack)
    (logical_id,) = stack.associations

    found = cloud.environment(stack).provider(stack.address, logical_id)

    assert found
    assert (found.queue, found.dead_letters) == (None, None)


@pytest.mark.parametrize("redrive", [None, {}, {"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:111122223333:Dead"}, "x"])
def test_the_dead_letter_queue_of_a_queue_may_be_unknown(redrive: object) -> None:
    resources = {
        "Enforcer": function(LEDGER_TABLE={"Ref": "Table"}, QUEUE_URL={"Ref": "Queue"}),
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"RedrivePolicy": redrive}},
    }

    assert queues_beside({"Resources": resources}, "Table") == ("Queue", None)


# Functions that call one another


def function(**variables: Any) -> dict[str, Any]:
    return {"Type": "AWS::Lambda::Function", "Properties": {"Environment": {"Variables": variables}}}


def arn(logical_id: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical_id, "Arn"]}


@pytest.mark.parametrize(
    ("start", "found"), [("Handler", "Table"), ("Framework", "Table"), ("Other", None), ("Loop", None), ("Gone", None)]
)
def test_follows_a_function_to_the_one_that_has_a_ledger(start: str, found: str | None) -> None:
    resources = {
        "Handler": function(LEDGER_TABLE={"Ref": "Table"}),
        "Framework": function(OTHER="x", HANDLER=arn("Handler")),
        "Other": {"Type": "AWS::Lambda::Function"},
        "Loop": function(ITSELF=arn("Loop"), ELSE=arn("Topic")),
        "Topic": {"Type": "AWS::SNS::Topic"},
    }

    assert table_behind({"Resources": resources}, start) == found
