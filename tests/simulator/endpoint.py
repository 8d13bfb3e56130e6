"""The HTTP interface: a loopback endpoint that answers some requests itself, and forwards all others unchanged.

It is how the CDK CLI, and functions that an emulator runs, get to the simulator.
"""

import http.client
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.exceptions import HTTPClientError

from localaws.environment import NotLocalError, is_local
from tests.simulator.errors import AwsError
from tests.simulator.wire import Response, ec2_error

LOOPBACK = "127.0.0.1"
MAX_SECONDS = 60.0
"""The timeout of each side, in seconds."""

_SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
# They are about one connection, and there are two: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
_OF_THE_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request to AWS."""

    headers: Message
    body: bytes

    @property
    def service(self) -> str:
        """Service that it is signed for."""
        return self._scope("service")

    @property
    def region(self) -> str:
        """Region that it is signed for."""
        return self._scope("region")

    @property
    def access_key(self) -> str:
        """Id of the access key that it is signed with."""
        return self._scope("key")

    def _scope(self, part: str) -> str:
        found = _SCOPE.search(self.headers.get("Authorization", ""))
        return found[part] if found else ""


Answer = Callable[[Request], Response | None]
"""Answers a request; None if it is to be forwarded. An `HTTPClientError` drops the connection instead."""


@contextmanager
def endpoint(port: int, answer: Answer, upstream: str) -> Iterator[None]:
    """An endpoint on a port of the loopback interface, for as long as the ``with`` block lasts.

    Args:
        port: the port.
        answer: answers what is to be answered here, for several threads at a time.
        upstream: URL of what answers everything else.

    Raises:
        NotLocalError: that is not on this machine.
        ExceptionGroup: at the end, if ``answer`` has failed.
    """
    if not is_local(upstream):
        raise NotLocalError(f"requests must not be forwarded to {upstream}, which is not on this machine")
    with _Server(port, answer, upstream) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
    if server.mistakes:
        raise ExceptionGroup("the endpoint had no answer", server.mistakes)


class _Server(ThreadingHTTPServer):
    def __init__(self, port: int, answer: Answer, upstream: str) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.answer, self.upstream = answer, urlsplit(upstream).netloc
        self.mistakes: list[Exception] = []


class _Handler(BaseHTTPRequestHandler):
    """Handles one request. In HTTP/1.0 each has a connection of its own, which can be dropped."""

    server: _Server
    timeout = MAX_SECONDS

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def _handle(self) -> None:
        request = Request(self.headers, self.rfile.read(int(self.headers.get("Content-Length", 0))))
        try:
            response = self.server.answer(request)
        except (HTTPClientError, NoConnectionError):
            return
        except Exception as error:
            self.server.mistakes.append(error)
            response = ec2_error(AwsError("SimulatorMistake", repr(error)))
        if response:
            self._respond(response.status, [("Content-Type", response.content_type)], response.body)
        else:
            self._forward(request)

    def _forward(self, request: Request) -> None:
        with closing(http.client.HTTPConnection(self.server.upstream, timeout=MAX_SECONDS)) as connection:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                connection.putheader(name, value)
            connection.endheaders(request.body)
            response = connection.getresponse()
            self._respond(response.status, response.getheaders(), response.read())

    def _respond(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _OF_THE_CONNECTION:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """No log is needed."""
