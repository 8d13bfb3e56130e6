"""Answers of EC2 are parsed without the parts that the handler does not need, and nothing else is lost."""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import pytest
from botocore.awsrequest import AWSResponse, HTTPHeaders
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from cdk_instance_role.runtime.association.aws.ec2_answers import FIRST_LAUNCH, INSTANCE, read_quickly

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

GROUPS = "<groupSet><item><groupId>sg-1</groupId><groupName>web</groupName></item></groupSet>"
ITEM = f"""
    <item>
      <instanceId>i-1</instanceId>
      <instanceState><code>16</code><name>running</name></instanceState>
      {GROUPS}
      <monitoring><state>disabled</state></monitoring>
      <placement><availabilityZone>eu-west-1a</availabilityZone></placement>
      <blockDeviceMapping><item><deviceName>/dev/xvda</deviceName></item></blockDeviceMapping>
      <networkInterfaceSet>
        <item>{GROUPS}<networkInterfaceId>eni-1</networkInterfaceId></item>
      </networkInterfaceSet>
      <tagSet><item><key>app</key><value>&lt;groupSet&gt; of web &lt;/groupSet&gt;</value></item></tagSet>
      <metadataOptions><httpTokens>required</httpTokens></metadataOptions>
    </item>"""
PAGE = f"""
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <reservationSet>
    <item><reservationId>r-1</reservationId><groupSet/><instancesSet>{ITEM}{ITEM}</instancesSet></item>
  </reservationSet>
  <nextToken>more</nextToken>
</DescribeInstancesResponse>"""
REFUSAL = """
<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>No</Message></Error></Errors></Response>"""


ASSOCIATION = """
    <item>
      <associationId>iip-assoc-1</associationId>
      <instanceId>i-1</instanceId>
      <iamInstanceProfile><arn>arn:aws:iam::111122223333:instance-profile/a&amp;b</arn><id>AIPA1</id></iamInstanceProfile>
      <state>associated</state>
      <timestamp>{}</timestamp>
    </item>"""
ASSOCIATIONS = """
<DescribeIamInstanceProfileAssociationsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <requestId>request-1</requestId>
  <iamInstanceProfileAssociationSet>{}</iamInstanceProfileAssociationSet>
</DescribeIamInstanceProfileAssociationsResponse>"""


class Body(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def client() -> "EC2Client":
    return boto3.client(
        "ec2",
        region_name="eu-west-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="fake",
        aws_secret_access_key="fake",
    )


@pytest.fixture
def ec2() -> "EC2Client":
    """The handler's client."""
    found = client()
    read_quickly(found)
    return found


def answer(ec2: "EC2Client", text: str, status: int = 200) -> None:
    # What such a handler returns becomes the answer, which the types of botocore don't know.
    def send(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, status, HTTPHeaders(), Body(text.strip().encode()))

    ec2.meta.events.register("before-send.ec2", send)  # type: ignore[arg-type]


def test_only_what_the_handler_needs_is_parsed(ec2: "EC2Client") -> None:
    answer(ec2, PAGE)
    page = ec2.describe_instances()

    needed = {
        "InstanceId": "i-1",
        "State": {"Name": "running"},
        "Placement": {"AvailabilityZone": "eu-west-1a"},
        "Tags": [{"Key": "app", "Value": "<groupSet> of web </groupSet>"}],
    }
    assert page["Reservations"] == [{"Instances": [needed, needed]}]
    assert page["NextToken"] == "more"


def test_the_time_of_the_first_launch_is_parsed_if_asked_for() -> None:
    inside = "<deviceIndex>0</deviceIndex><attachTime>2026-01-02T03:04:05.000Z</attachTime>"
    ec2 = client()
    read_quickly(ec2, (*INSTANCE, *FIRST_LAUNCH))
    answer(ec2, PAGE.replace("<networkInterfaceId>eni-1</networkInterfaceId>", f"<attachment>{inside}</attachment>"))

    (one, _) = ec2.describe_instances()["Reservations"][0]["Instances"]

    when = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert one["NetworkInterfaces"] == [{"Attachment": {"DeviceIndex": 0, "AttachTime": when}}]


MOMENTS = (
    "2026-01-02T03:04:05Z",
    "2026-01-02T03:04:05.000Z",
    "2026-01-02T03:04:05.123+00:00",
    "Fri, 02 Jan 2026 03:04:05 GMT",
)
ONE = ASSOCIATIONS.format(ASSOCIATION.format(MOMENTS[0]))
ANSWERS = {
    **{f"timestamp {moment}": ASSOCIATIONS.format(ASSOCIATION.format(moment)) for moment in MOMENTS},
    "two": ASSOCIATIONS.format(ASSOCIATION.format(MOMENTS[0]) * 2),
    "none": ASSOCIATIONS.format(""),
    "nothing at all": "<DescribeIamInstanceProfileAssociationsResponse/>",
    "no namespace": ONE.replace(' xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"', ""),
    "another namespace": ONE.replace("2016-11-15", "2030-01-01"),
    "a namespace with a prefix": re.sub("<(/?)([a-zA-Z])", r"<\1e:\2", ONE).replace("xmlns=", "xmlns:e="),
    "single quotes": ONE.replace('"', "'"),
    "members that are new": ONE.replace("<state>", "<a><b/></a><state>"),
    "comments, CDATA and attributes": ONE.replace(
        "<state>associated", '<!-- <state>x</state> --><state a="b"><![CDATA[associated]]>'
    ),
    "a child with a prefix": ONE.replace("<state>", '<e:state xmlns:e="x">').replace("</state>", "</e:state>"),
    "an encoding that is none": f'<?xml version="1.0" encoding="foo"?>{ONE}',
    "another encoding than UTF-8": f'<?xml version="1.0" encoding="ISO-8859-1"?>{ONE}'.replace("a&amp;b", "\u00e9"),
    "without a profile": ASSOCIATIONS.format("<item><instanceId>i-1</instanceId><iamInstanceProfile/></item>"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_answer_is_parsed_as_botocore_does(ec2: "EC2Client", name: str) -> None:
    usual = client()
    answer(usual, ANSWERS[name])
    answer(ec2, ANSWERS[name])

    assert ec2.describe_iam_instance_profile_associations() == usual.describe_iam_instance_profile_associations()


@pytest.mark.parametrize("text", [REFUSAL, "<html><br>", "", "<Response/>"])
@pytest.mark.parametrize("status", [403, 500, 302])
def test_an_error_is_parsed_as_botocore_does(ec2: "EC2Client", text: str, status: int) -> None:
    errors = []
    for one in (client(), ec2):
        answer(one, text, status)
        with pytest.raises((ClientError, ResponseParserError)) as error:
            one.describe_instances()
        errors.append((type(error.value), str(error.value)))

    assert errors[0] == errors[1]


UNUSUAL = {
    "a comment": ("<monitoring>", "<!-- <monitoring> --><monitoring>"),
    "CDATA": ("&lt;groupSet&gt; of web &lt;/groupSet&gt;", "<![CDATA[<groupSet> of web </groupSet>]]>"),
    "a blank": ("</monitoring>", "</monitoring >"),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_nothing_that_is_needed_is_left_out(ec2: "EC2Client", name: str) -> None:
    answer(ec2, PAGE.replace(*UNUSUAL[name]))

    found = ec2.describe_instances()["Reservations"][0]["Instances"]

    assert [one["InstanceId"] for one in found] == ["i-1", "i-1"]
    assert [one["Tags"] for one in found] == [[{"Key": "app", "Value": "<groupSet> of web </groupSet>"}]] * 2
    assert [one["Placement"]["AvailabilityZone"] for one in found] == ["eu-west-1a"] * 2


def test_an_answer_that_is_not_xml_is_refused(ec2: "EC2Client") -> None:
    answer(ec2, "<html><br>")

    with pytest.raises(ResponseParserError, match="invalid XML"):
        ec2.describe_instances()


def test_a_botocore_that_accepts_no_other_parser_parses_answers_itself(ec2: "EC2Client") -> None:
    emit = ec2.meta.events.emit

    def older(event: str, **details: Any) -> Any:
        details.pop("customized_response_dict", None)
        return emit(event, **details)

    answer(ec2, PAGE)
    with patch.object(ec2.meta.events, "emit", older):
        page = ec2.describe_instances()

    assert page["Reservations"][0]["ReservationId"] == "r-1"
    assert page["Reservations"][0]["Instances"][0]["State"]["Code"] == 16
