"""Starts and stops MiniStack, the embedded local AWS."""

import http.client
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3

from .environment import local_environment, only, refuse_remote

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".ministack" / "bin" / "python"
SERVE = Path(__file__).with_name("serve.py")
START_SECONDS, STOP_SECONDS = 60.0, 10.0


class LocalAws:
    """A MiniStack process on a free loopback port, for as long as the ``with`` block lasts.

    Example:
        ::

            with LocalAws(folder) as aws:
                aws.client("ec2").describe_instances()
    """

    def __init__(
        self,
        folder: Path,
        *,
        region: str = "eu-west-1",
        endpoints: Mapping[str, str] | None = None,
        inherited: Mapping[str, str] | None = None,
    ) -> None:
        """
        Args:
            folder: an existing folder for the log and for what MiniStack and the CDK CLI write.
            region: default Region.
            endpoints: URLs of services that something else answers for, to commands, clients and deployed functions;
                by name as in ``AWS_ENDPOINT_URL_EC2``.
            inherited: more environment variables of MiniStack, which deployed functions inherit.
        """
        self.folder, self.region, self._inherited = folder, region, inherited or {}
        self.account = "".join(secrets.choice("123456789") for _ in range(12))
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.environment = local_environment(
            self.endpoint, account=self.account, region=region, home=str(self._folder("home")), services=endpoints
        )
        self.log = folder / "ministack.log"
        self._making_clients = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if not PYTHON.exists():
            raise FileNotFoundError("the local AWS is not installed: run `make setup`")
        environment = self._server_environment()
        refuse_remote(environment)
        try:
            with self.log.open("wb") as log:
                self._process = subprocess.Popen(
                    [PYTHON, "-P", SERVE],  # without -P this folder's modules would hide MiniStack's
                    cwd=self.folder,
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C is handled by its user; and its workers stop with it
                )
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the process and everything that it has started."""
        process, self._process = self._process, None
        if process is None:
            return
        stop_group(process, STOP_SECONDS)
        if process.stdin:
            process.stdin.close()

    def client(self, service: str, *, region: str | None = None) -> Any:
        """A boto3 client for the local AWS, whatever the caller's environment says.

        Args:
            service: name of the service.
            region: Region. Default: that of the local AWS.
        """
        # A session makes one client at a time.
        with self._making_clients, only(self.environment):
            return self._session.client(service, region_name=region)  # type: ignore[call-overload]

    @cached_property
    def _session(self) -> boto3.Session:
        """One session, because each reads the model of a service anew: a tenth of a second for that of EC2."""
        return boto3.Session()

    def _server_environment(self) -> dict[str, str]:
        # Functions inherit this environment. Python ones run here, Node ones need `node`.
        path = os.pathsep.join([str(PYTHON.parent), str(ROOT / ".venv" / "bin"), os.environ.get("PATH", os.defpath)])
        server = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port), "PATH": path}
        folders = {"TMPDIR": str(self._folder("tmp")), "STATE_DIR": str(self._folder("state"))}
        return {**self._inherited, **self.environment, **server, **folders}

    def _folder(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the local AWS ended at once, its last words:\n{self._last_words()}")
            if self._answers():
                return
            time.sleep(0.1)
        raise TimeoutError(f"the local AWS did not start within {START_SECONDS:.0f} s:\n{self._last_words()}")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])


def stop_group(process: subprocess.Popen[Any], patience: float) -> None:
    """Stop a process that leads a group, and everything else in that group.

    Args:
        process: leader of the group.
        patience: seconds that it has to end by itself.
    """
    for stop in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, stop)
            process.wait(patience)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def free_port() -> int:
    """A port of the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
