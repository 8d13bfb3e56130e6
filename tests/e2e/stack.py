"""What a deployed stack says of itself: its ledger and its outputs, as an operator would read them."""

from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from localaws.ministack import LocalAws

_deserialize = TypeDeserializer().deserialize


def handler_arn(aws: LocalAws, stack: str) -> str:
    """ARN of the function that does the work."""
    found = aws.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    functions = aws.client("lambda")
    names = [item["PhysicalResourceId"] for item in found if item["ResourceType"] == "AWS::Lambda::Function"]
    configurations = [functions.get_function_configuration(FunctionName=name) for name in names]
    (arn,) = (one["FunctionArn"] for one in configurations if one["Handler"] == "association.entry.handle")
    return str(arn)


def table(aws: LocalAws, stack: str) -> str:
    """Name of the table that is the ledger of a stack."""
    found = aws.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    (name,) = (item["PhysicalResourceId"] for item in found if item["ResourceType"] == "AWS::DynamoDB::Table")
    return str(name)


def entries(aws: LocalAws, stack: str) -> dict[str, dict[str, Any]]:
    """What the ledger of a stack says of every instance and of the one association that holds it, by instance id."""
    items = aws.client("dynamodb").scan(TableName=table(aws, stack))["Items"]
    plain = ({name: _deserialize(value) for name, value in item.items()} for item in items)
    return {item["Kind"]: {**item, **_only_claim(item)} for item in plain if item["Id"] == "record"}


def _only_claim(item: dict[str, Any]) -> dict[str, Any]:
    ((association, claim),) = item["Claims"].items()
    return {"Association": association, **claim}


def outputs(aws: LocalAws, stack: str) -> dict[str, str]:
    """The outputs of a stack."""
    (found,) = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())}


def status(aws: LocalAws, stack: str) -> str:
    """Status of a stack."""
    (found,) = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    state: str = found["StackStatus"]
    return state
