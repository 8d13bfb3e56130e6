"""Templates that CloudFormation returns as text."""

import json
from typing import Any

import pytest

from cdk_instance_role.cli.template.template_text import UnreadableError, parse

ROLE = """
AWSTemplateFormatVersion: 2010-09-09
Conditions:
  Wanted: !And [!Condition Other, !Not [!Equals [!Ref Stage, dev]]]
Resources:
  Web:
    Type: AWS::IAM::Role
    Condition: Wanted
    Properties:
      RoleName: !Sub web-${AWS::Region}
      ManagedPolicyArns:
        - !Join ["", ["arn:", !Ref "AWS::Partition", ":iam::aws:policy/ReadOnlyAccess"]]
        - !If [Wanted, !ImportValue Shared, !Ref AWS::NoValue]
      Policies:
        - PolicyName: data
          PolicyDocument:
            Version: 2012-10-17
            Statement:
              - Effect: Allow
                Action: [s3:Get*, s3:List*]
                Resource: !GetAtt Data.Arn
                Condition: {Bool: {"aws:SecureTransport": true}}
"""


def test_reads_a_template_with_short_forms() -> None:
    assert parse(ROLE) == {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Conditions": {
            "Wanted": {"Fn::And": [{"Condition": "Other"}, {"Fn::Not": [{"Fn::Equals": [{"Ref": "Stage"}, "dev"]}]}]}
        },
        "Resources": {
            "Web": {
                "Type": "AWS::IAM::Role",
                "Condition": "Wanted",
                "Properties": {
                    "RoleName": {"Fn::Sub": "web-${AWS::Region}"},
                    "ManagedPolicyArns": [
                        {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::aws:policy/ReadOnlyAccess"]]},
                        {"Fn::If": ["Wanted", {"Fn::ImportValue": "Shared"}, {"Ref": "AWS::NoValue"}]},
                    ],
                    "Policies": [
                        {
                            "PolicyName": "data",
                            "PolicyDocument": {
                                "Version": "2012-10-17",
                                "Statement": [
                                    {
                                        "Effect": "Allow",
                                        "Action": ["s3:Get*", "s3:List*"],
                                        "Resource": {"Fn::GetAtt": ["Data", "Arn"]},
                                        "Condition": {"Bool": {"aws:SecureTransport": True}},
                                    }
                                ],
                            },
                        }
                    ],
                },
            }
        },
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!GetAtt Nested.Outputs.Arn", {"Fn::GetAtt": ["Nested", "Outputs.Arn"]}),
        ("!GetAtt [Web, Arn]", {"Fn::GetAtt": ["Web", "Arn"]}),
        ('!Sub ["${A}", {A: !Ref B}]', {"Fn::Sub": ["${A}", {"A": {"Ref": "B"}}]}),
        ("!Select [1, !Split [',', !Ref A]]", {"Fn::Select": [1, {"Fn::Split": [",", {"Ref": "A"}]}]}),
        ("!FindInMap [A, !Ref B, C]", {"Fn::FindInMap": ["A", {"Ref": "B"}, "C"]}),
        ("!Transform {Name: AWS::Include}", {"Fn::Transform": {"Name": "AWS::Include"}}),
        ("!Base64 text", {"Fn::Base64": "text"}),
        ("!NotKnownYet [1]", {"Fn::NotKnownYet": [1]}),
        ("{'Fn::Sub': long}", {"Fn::Sub": "long"}),
        ("[&a {x: 1}, *a]", [{"x": 1}, {"x": 1}]),
        ("[&a {x: 1}, {<<: *a, y: 2}]", [{"x": 1}, {"x": 1, "y": 2}]),
        ('|\n  {\n    "Version": 1\n  }\n', '{\n  "Version": 1\n}\n'),
    ],
)
def test_reads_every_form_of_a_value(text: str, value: Any) -> None:
    assert parse(f"It: {text}") == {"It": value}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2012-10-17", "2012-10-17"),
        ("011122223333", "011122223333"),
        ("111122223333", 111122223333),
        ("0", 0),
        ("-5", -5),
        ("1.5", 1.5),
        ("12:30", "12:30"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("yes", True),
        ("~", None),
        ("'true'", "true"),
    ],
)
def test_reads_scalars_as_cloudformation_does(text: str, value: Any) -> None:
    found = parse(f"It: {text}")["It"]
    assert (type(found), found) == (type(value), value)


def test_reads_keys_as_text() -> None:
    assert parse("{111122223333: 1, on: 2, 2012-10-17: 3}") == {"111122223333": 1, "on": 2, "2012-10-17": 3}


def test_reads_json() -> None:
    template = {"Resources": {"A": {"Type": "AWS::S3::Bucket"}}}
    assert parse(json.dumps(template)) == template


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "- a list",
        "Resources: [1]",
        "Resources: {",
        "It: *nothing",
        "It: &it [*it]",
        "It: !!python/object/apply:os.getcwd []",
        "It: !!binary eA==",
        "It: !!timestamp 2012-10-17",
        "It: !!set {a, b}",
        "{[a]: 1}",
        "a: 1\n---\nb: 2",
        "It: \x00",
        "[" * 100_000,
        "{a: " * 10_000,
    ],
)
def test_fails_when_a_text_is_not_a_template(text: str) -> None:
    with pytest.raises(UnreadableError, match=r"^it is (neither JSON nor YAML|no template)|^its aliases"):
        parse(text)


def test_fails_when_aliases_expand_beyond_the_size_of_a_template() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    with pytest.raises(UnreadableError, match="its aliases stand for too much"):
        parse("\n".join(lines))
