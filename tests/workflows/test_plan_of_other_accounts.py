"""What the CDK CLI does in the workflow about an account that it may not read. AWS denies it all roles."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.cli.servers import write_assembly_of_places
from tests.workflows.test_plan_script import ROOT, folder, output, run

OWN, OTHER = "111122223333", "444455556666"
TEMPLATE = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
IDENTITY = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult>"
    f"<Arn>arn:aws:sts::{OWN}:assumed-role/plan/session</Arn><UserId>A</UserId><Account>{OWN}</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)
ERROR = "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error></ErrorResponse>"
DENIED = (
    f"User: arn:aws:sts::{OWN}:assumed-role/plan/session is not authorized to perform: sts:AssumeRole on resource: {{}}"
)

__all__ = ["folder"]


class Answers(BaseHTTPRequestHandler):
    """STS denies every role, and no stack is deployed."""

    def do_POST(self) -> None:
        query = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        match query["Action"]:
            case ["GetCallerIdentity"]:
                status, text = 200, IDENTITY
            case ["AssumeRole"]:
                status, text = 403, ERROR.format("AccessDenied", DENIED.format(query["RoleArn"][0]))
            case _:
                name = query["StackName"][0]
                status, text = 400, ERROR.format("ValidationError", f"Stack with id {name} does not exist")
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("deploys_by_role", [True, False])
@pytest.mark.parametrize(("accounts", "status"), [((OWN,), "0"), ((OWN, OTHER), "unread")])
def test_an_account_without_a_lookup_role_does_not_fail_the_check(
    folder: Path, endpoint: str, accounts: tuple[str, ...], status: str, deploys_by_role: bool
) -> None:
    assembly = write_assembly_of_places(folder / "assembly", TEMPLATE, [(one, "eu-west-1") for one in accounts])
    if not deploys_by_role:
        manifest = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))
        for artifact in manifest["artifacts"].values():
            del artifact["properties"]["assumeRoleArn"]
        (assembly / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assembly.rename(folder / "cdk.out")
    npx = folder / "bin" / "npx"
    npx.write_text(f'#!/bin/sh\nPATH="{ROOT}/node_modules/.bin:$PATH" exec "$@"\n')

    run(
        folder,
        "Compare the templates",
        AWS_ACCESS_KEY_ID="key",
        AWS_SECRET_ACCESS_KEY="secret",
        AWS_REGION="eu-west-1",
        AWS_ENDPOINT_URL=endpoint,
        CDK_DISABLE_CLI_TELEMETRY="true",
    )

    assert output(folder) == f"status={status}", (folder / "cdk.diff").read_text(encoding="utf-8")
    assert "AWS::SNS::Topic" in (folder / "cdk.diff").read_text(encoding="utf-8")
