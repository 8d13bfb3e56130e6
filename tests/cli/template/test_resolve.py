"""What values of templates resolve to before the deployment."""

from typing import Any

import pytest

from cdk_instance_role.cli.template.intrinsic_functions import Resolver, UnresolvedError

IN_SSM = "{{resolve:ssm:/web/id}}"
VALUES = {
    "AWS::Region": "eu-west-1",
    "Stage": "prod",
    "Ids": ["i-1", "i-2"],
    "Web": "Servers-Web-1AB2C3D4",
    "Remote": IN_SSM,
    "RemoteIds": ["i-1", IN_SSM],
}
MAPPINGS = {"Sizes": {"eu-west-1": {"small": "t3.small", "zones": ["a", "b"]}}}
YES, NO, UNKNOWN = (
    {"Fn::Equals": [{"Ref": name}, other]} for name, other in (("Stage", "prod"), ("Stage", "dev"), ("Vpc", "x"))
)
CONDITIONS = {"Yes": YES, "No": NO, "Unknown": UNKNOWN, "AsYes": {"Condition": "Yes"}}


def attribute(logical_id: str, name: str) -> str:
    if logical_id == "Queue":
        raise UnresolvedError("Queue is to be created")
    return f"{logical_id}/{name}"


def exported(name: str) -> str:
    if name != "Shared:Id":
        raise UnresolvedError(f"no stack exports {name} yet")
    return "i-9"


def output(stack: str, name: str, region: str | None) -> str:
    if region:
        raise UnresolvedError(f"stack {stack} in {region} is not looked at")
    return f"{stack}:{name}"


RESOLVER = Resolver(VALUES, attribute, exported, output, CONDITIONS, MAPPINGS)


@pytest.mark.parametrize(
    ("value", "comes_to"),
    [
        ("text", "text"),
        (7, 7),
        (True, True),
        (None, None),
        ([{"Ref": "Stage"}, ["x"]], ["prod", ["x"]]),
        ({"a": {"Ref": "Stage"}, "b": {"c": 1}}, {"a": "prod", "b": {"c": 1}}),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Ref": "Ids"}, ["i-1", "i-2"]),
        ({"Fn::GetAtt": ["Web", "Arn"]}, "Web/Arn"),
        ({"Fn::GetAtt": "Nested.Outputs.Id"}, "Nested/Outputs.Id"),
        ({"Fn::Join": ["", ["arn:", {"Ref": "Stage"}, ":", 1]]}, "arn:prod:1"),
        ({"Fn::Join": [",", {"Ref": "Ids"}]}, "i-1,i-2"),
        ({"Fn::Sub": "${AWS::Region}/${Web.Arn}/${Stage}"}, "eu-west-1/Web/Arn/prod"),
        ({"Fn::Sub": "${!Stage} is ${Stage}"}, "${Stage} is prod"),
        ({"Fn::Sub": ["${A}-${Stage}", {"A": {"Ref": "Web"}}]}, "Servers-Web-1AB2C3D4-prod"),
        ({"Fn::Select": [1, {"Ref": "Ids"}]}, "i-2"),
        ({"Fn::Select": ["0", ["x", "y"]]}, "x"),
        ({"Fn::Split": ["-", {"Ref": "AWS::Region"}]}, ["eu", "west", "1"]),
        ({"Fn::Select": [1, {"Fn::Split": ["/", {"Fn::GetAtt": ["Web", "Arn"]}]}]}, "Arn"),
        ({"Fn::ImportValue": {"Fn::Sub": "Shared:Id"}}, "i-9"),
        ({"Fn::GetStackOutput": {"StackName": {"Ref": "Stage"}, "OutputName": "Id"}}, "prod:Id"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "small"]}, "t3.small"),
        ({"Fn::FindInMap": ["Sizes", "us-east-1", "small", {"DefaultValue": "t3.micro"}]}, "t3.micro"),
        ({"Fn::If": ["Yes", "a", {"Ref": "Vpc"}]}, "a"),
        ({"Fn::If": ["No", {"Ref": "Vpc"}, "b"]}, "b"),
        ([1, {"Ref": "AWS::NoValue"}, {"Fn::If": ["No", 2, {"Ref": "AWS::NoValue"}]}], [1]),
        ({"a": {"Ref": "AWS::NoValue"}, "b": 1}, {"b": 1}),
    ],
)
def test_resolves_known_values(value: Any, comes_to: Any) -> None:
    assert RESOLVER(value) == comes_to


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (YES, True),
        (NO, False),
        ({"Condition": "AsYes"}, True),
        ({"Fn::Not": [NO]}, True),
        ({"Fn::And": [YES, {"Condition": "Yes"}]}, True),
        ({"Fn::And": [YES, NO]}, False),
        ({"Fn::Or": [NO, YES]}, True),
        ({"Fn::Or": [NO, NO]}, False),
    ],
)
def test_evaluates_conditions(condition: Any, holds: bool) -> None:
    resolve = Resolver(VALUES, conditions={**CONDITIONS, "It": condition})

    assert resolve({"Fn::If": ["It", True, False]}) is holds


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("3", 3, True),
        (3, "3", True),
        ("true", True, True),
        (False, "false", True),
        ("1", True, False),
        ("True", True, False),
        ("3", 3.5, False),
        ("3.5", 3.5, True),
        (["a", "1"], ["a", 1], True),
    ],
)
def test_compares_text_as_cloudformation_does(one: Any, other: Any, equal: bool) -> None:
    resolve = Resolver({"Given": one}, conditions={"It": {"Fn::Equals": [{"Ref": "Given"}, other]}})

    assert resolve.holds("It") is equal


@pytest.mark.parametrize(
    ("value", "comes_to"),
    [
        ({"Fn::Join": ["-", ["web", True, 3, {"Ref": "On"}]]}, "web-true-3-false"),
        ({"Fn::Sub": "${On} ${Own}"}, "false true"),
        ({"Fn::Sub": ["${On} ${Own}", {"Own": True}]}, "false true"),
    ],
)
def test_puts_truth_values_into_text_as_cloudformation_does(value: Any, comes_to: str) -> None:
    assert Resolver({"On": False, "Own": True})(value) == comes_to


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"Ref": "Vpc"}, "Vpc is not known before the deployment"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "Queue is to be created"),
        ({"Fn::Sub": "${Vpc}"}, "Vpc is not known"),
        ({"Fn::Join": ["", ["a", {"Ref": "Vpc"}]]}, "Vpc is not known"),
        ({"Fn::ImportValue": "Other"}, "no stack exports Other yet"),
        (
            {"Fn::GetStackOutput": {"StackName": "Base", "OutputName": "Id", "Region": "us-east-1"}},
            "stack Base in us-east-1 is not looked at",
        ),
        ({"Fn::FindInMap": ["Sizes", "eu-west-1", "huge"]}, "Sizes.eu-west-1.huge is not known"),
        ({"Fn::If": ["Unknown", 1, 2]}, "Vpc is not known"),
        ({"Fn::If": ["Missing", 1, 2]}, "condition Missing is not in the template"),
        ({"Fn::GetAZs": ""}, "what Fn::GetAZs comes to is not known before the deployment"),
        ({"Fn::Base64": "x"}, "what Fn::Base64 comes to"),
        ({"Fn::Cidr": ["10.0.0.0/16", 1, 8]}, "what Fn::Cidr comes to"),
        ({"Fn::Transform": {"Name": "Macro"}}, "what Fn::Transform comes to"),
        ({"Fn::Length": [1]}, "what Fn::Length comes to"),
        ({"Fn::ToJsonString": {}}, "what Fn::ToJsonString comes to"),
        ({"Fn::ForEach::Ids": ["Id", ["1"], {"${Id}": 1}]}, "what Fn::ForEach::Ids comes to"),
        ({"a": 1, "Fn::ForEach::Ids": ["Id", ["1"], {"${Id}": 1}]}, "what Fn::ForEach::Ids comes to"),
        ({"a": 1, "Fn::Transform": {"Name": "AWS::Include"}}, "what Fn::Transform comes to"),
        ({"Fn::Sub": "${AWS::NoValue}"}, "AWS::NoValue is no text"),
        ({"Fn::Sub": ["${Own}", {"Own": {"Fn::If": ["No", "x", {"Ref": "AWS::NoValue"}]}}]}, "AWS::NoValue is no text"),
        ({"Fn::ImportValue": {"Ref": "AWS::NoValue"}}, "AWS::NoValue is no text"),
    ],
)
def test_fails_when_something_is_not_known_before_the_deployment(value: Any, why: str) -> None:
    with pytest.raises(UnresolvedError, match=f"^{why}"):
        RESOLVER(value)


@pytest.mark.parametrize(
    "value",
    [
        IN_SSM,
        f"arn:{IN_SSM}",
        [IN_SSM],
        {"key": IN_SSM},
        {"Ref": "Remote"},
        {"Ref": "RemoteIds"},
        {"Fn::Sub": "arn:${Remote}"},
        {"Fn::Sub": f"arn:{IN_SSM}"},
        {"Fn::Join": ["", ["{{resolve:ssm", ":/web/id}}"]]},
        {"Fn::If": ["Yes", IN_SSM, 1]},
        {"Fn::Split": [",", f"a,{IN_SSM}"]},
    ],
)
def test_leaves_dynamic_references_to_cloudformation(value: Any) -> None:
    with pytest.raises(UnresolvedError) as caught:
        RESOLVER(value)

    assert str(caught.value) == "{{resolve:ssm:/web/id}} is not known before the deployment"


@pytest.mark.parametrize("text", ["{{resolve}}", "{{ssm:/web/id}}", "${resolve:x}", "{resolve:ssm:x}"])
def test_does_not_treat_other_braces_as_a_dynamic_reference(text: str) -> None:
    assert RESOLVER(text) == text


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::Select": [5, ["x"]]},
        {"Fn::Select": [-1, ["x"]]},
        {"Fn::Select": ["first", ["x"]]},
        {"Fn::Join": ["only a separator"]},
        {"Fn::Split": [",", {"Ref": "Ids"}]},
        {"Ref": {"Fn::Sub": "Policy${AWS::Region}"}},
        {"Ref": ["Web"]},
        {"Fn::GetAtt": ["Web"]},
        {"Fn::If": ["Yes"]},
        {"Fn::FindInMap": ["Sizes"]},
        {"Fn::GetStackOutput": {"StackName": "Base"}},
        {"Fn::GetStackOutput": "Base.Id"},
    ],
)
def test_fails_when_a_function_has_invalid_arguments(value: Any) -> None:
    with pytest.raises(UnresolvedError, match=r"^(Ref|Fn::\w+) can't be worked out with "):
        RESOLVER(value)


@pytest.mark.parametrize(("function", "decisive", "holds"), [("Fn::And", NO, False), ("Fn::Or", YES, True)])
def test_one_condition_decides_whatever_the_others_are(function: str, decisive: Any, holds: bool) -> None:
    for order in ([decisive, UNKNOWN], [UNKNOWN, decisive]):
        assert Resolver(VALUES, conditions={**CONDITIONS, "It": {function: order}}).holds("It") is holds


@pytest.mark.parametrize(("function", "other"), [("Fn::And", YES), ("Fn::Or", NO)])
def test_fails_when_the_condition_that_decides_is_not_known(function: str, other: Any) -> None:
    for order in ([other, UNKNOWN], [UNKNOWN, other]):
        with pytest.raises(UnresolvedError, match="Vpc is not known"):
            Resolver(VALUES, conditions={**CONDITIONS, "It": {function: order}}).holds("It")


def test_knows_whether_a_condition_holds() -> None:
    assert RESOLVER.holds("AsYes")
    assert not RESOLVER.holds("No")
    with pytest.raises(UnresolvedError, match="Vpc is not known"):
        RESOLVER.holds("Unknown")


@pytest.mark.parametrize("condition", [{"Fn::Equals": ["a"]}, {"Fn::And": 1}, {}, []])
def test_fails_when_a_condition_is_malformed(condition: Any) -> None:
    with pytest.raises(UnresolvedError, match="condition It can't be worked out"):
        Resolver(conditions={"It": condition}).holds("It")


def test_looks_up_a_reference_that_is_not_among_the_values() -> None:
    resolve = Resolver({"A": "a"}, reference=lambda name: f"asked for {name}")

    assert resolve([{"Ref": "A"}, {"Ref": "B"}]) == ["a", "asked for B"]


def test_fails_when_a_condition_refers_to_itself() -> None:
    resolve = Resolver(conditions={"It": {"Condition": "It"}})

    with pytest.raises(UnresolvedError, match="condition It can't be worked out"):
        resolve.holds("It")


def test_fails_when_a_condition_depends_on_an_unknown_value() -> None:
    resolve = Resolver(conditions={"It": {"Fn::EachMemberIn": [["a"], ["a"]]}})

    with pytest.raises(UnresolvedError, match="condition Fn::EachMemberIn is not known"):
        resolve({"Fn::If": ["It", 1, 2]})


def test_has_no_values_by_default() -> None:
    for value in (
        {"Ref": "A"},
        {"Fn::GetAtt": ["A", "Arn"]},
        {"Fn::ImportValue": "A"},
        {"Fn::GetStackOutput": {"StackName": "A", "OutputName": "B"}},
    ):
        with pytest.raises(UnresolvedError, match="is not known before the deployment"):
            Resolver()(value)
