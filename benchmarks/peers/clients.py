"""boto3 clients of the peers, on a simulator."""

import weakref
from typing import TYPE_CHECKING

from botocore.config import Config

from tests.simulator.clients import Clients
from tests.simulator.simulator import Simulator

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient

AS_IT_COMES = Config()
"""The default of boto3: five attempts in the legacy mode."""
STANDARD = Config(retries={"mode": "standard", "total_max_attempts": 3})
"""The default of the newer SDKs."""


def clients(simulator: Simulator, config: Config) -> "tuple[EC2Client, IAMClient]":
    """Clients for EC2 and IAM with a configuration of their own."""
    # Not Clients.of: that reuses clients with any configuration.
    made = Clients(config, config)
    made._simulator = weakref.ref(simulator)
    return made.ec2, made.iam
