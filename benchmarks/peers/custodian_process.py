"""Runs Cloud Custodian with its arguments, in its own virtual environment: where it sleeps, virtual time passes."""

import http.client
import os
import time
from urllib.parse import urlsplit

from c7n.cli import main  # type: ignore[import-not-found]


def sleep(seconds: float) -> None:
    """Let time pass where the endpoint is."""
    connection = http.client.HTTPConnection(urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc)
    connection.request("POST", "/", headers={"X-Sleep-Seconds": str(seconds)})
    connection.getresponse().read()
    connection.close()


if __name__ == "__main__":
    time.sleep = sleep  # type: ignore[assignment]
    main()
