"""What the tests of commands share."""

import pytest

from tests.cli.accounts import see
from tests.cli.cloud import Cloud


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The account that all commands of the test see, with one instance."""
    cloud = Cloud()
    cloud.instance(1)
    see(monkeypatch, cloud)
    return cloud
