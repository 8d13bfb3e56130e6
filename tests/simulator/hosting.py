"""A local AWS whose EC2 is the simulator: for the real CDK CLI, and for the handler that it deploys."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3

from localaws.environment import only
from localaws.ministack import LocalAws, free_port
from tests.simulator.account import Account
from tests.simulator.clock import RealClock
from tests.simulator.endpoint import LOOPBACK, endpoint
from tests.simulator.regions import Regions
from tests.simulator.simulator import Simulator

SAYS_WHO_IT_IS = Path(__file__).parent / "function"


class SimulatedAws(LocalAws):
    """A local AWS with an EC2 that behaves like EC2.

    Simulators answer the calls about instances; everything else goes to MiniStack. The instance profiles are those of
    MiniStack's IAM, and what a deployed function may do is what its role's policies say there.
    """

    def __init__(self, folder: Path, *, region: str = "eu-west-1") -> None:
        """
        Args:
            folder: an existing folder for the log and for what MiniStack and the CDK CLI write.
            region: default Region.
        """
        self._port = free_port()
        url = f"http://{LOOPBACK}:{self._port}"
        super().__init__(
            folder,
            region=region,
            endpoints={"EC2": url, "IAM": url},
            inherited={"PYTHONPATH": str(SAYS_WHO_IT_IS)},
        )
        account = Account(self._behind("iam"), self._behind("lambda"))
        self.regions = Regions(account, RealClock(), account=self.account, region=region)
        self._door = ExitStack()

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self._door.enter_context(endpoint(self._port, self.regions.answer, self.endpoint))
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._door.close()
        finally:
            super().__exit__(kind, error, trace)

    @property
    def simulator(self) -> Simulator:
        """The simulator of the default Region."""
        return self.regions.simulator()

    def client_of(self, function_arn: str, service: str) -> Any:
        """A client that has the rights of a deployed function.

        Args:
            function_arn: ARN of the function.
            service: name of the service.
        """
        with only(self.environment):
            account, secret = self.environment["AWS_ACCESS_KEY_ID"], self.environment["AWS_SECRET_ACCESS_KEY"]
            session = boto3.Session(account, secret, aws_session_token=function_arn)
            return session.client(service)  # type: ignore[call-overload]

    def _behind(self, service: str) -> Any:
        """A client that talks to MiniStack past the endpoint."""
        past = {name: value for name, value in self.environment.items() if not name.startswith("AWS_ENDPOINT_URL_")}
        with only(past):
            return boto3.Session().client(service)  # type: ignore[call-overload]
