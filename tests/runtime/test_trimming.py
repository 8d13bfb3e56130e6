"""What EC2 says of an instance is read without what nobody asks for, and nothing else is lost."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse, HTTPHeaders

from cdk_instance_role.runtime.association.aws.trimming import trim

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

GROUPS = "<groupSet><item><groupId>sg-1</groupId><groupName>web</groupName></item></groupSet>"
INSTANCE = f"""
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
    <item><reservationId>r-1</reservationId><groupSet/><instancesSet>{INSTANCE}{INSTANCE}</instancesSet></item>
  </reservationSet>
  <nextToken>more</nextToken>
</DescribeInstancesResponse>"""
REFUSAL = """
<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>No</Message></Error></Errors></Response>"""


class Body(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


@pytest.fixture
def ec2() -> "EC2Client":
    client: EC2Client = boto3.client(
        "ec2",
        region_name="eu-west-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="fake",
        aws_secret_access_key="fake",
    )
    trim(client)
    return client


def answer(ec2: "EC2Client", text: str, status: int = 200) -> None:
    # What such a handler returns is taken for the answer, which the types of botocore don't know.
    def send(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, status, HTTPHeaders(), Body(text.strip().encode()))

    ec2.meta.events.register("before-send.ec2", send)  # type: ignore[arg-type]


def test_what_the_handler_needs_is_left_and_the_rest_is_not_parsed(ec2: "EC2Client") -> None:
    answer(ec2, PAGE)
    page = ec2.describe_instances()

    needed = {
        "InstanceId": "i-1",
        "State": {"Code": 16, "Name": "running"},
        "Placement": {"AvailabilityZone": "eu-west-1a"},
        "Tags": [{"Key": "app", "Value": "<groupSet> of web </groupSet>"}],
    }
    assert page["Reservations"] == [{"ReservationId": "r-1", "Groups": [], "Instances": [needed, needed]}]
    assert page["NextToken"] == "more"


def test_an_error_is_told_as_ever(ec2: "EC2Client") -> None:
    answer(ec2, REFUSAL, 403)
    with pytest.raises(ec2.exceptions.ClientError, match="UnauthorizedOperation"):
        ec2.describe_instances()
