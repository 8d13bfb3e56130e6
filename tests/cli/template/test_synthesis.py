"""An app instead of an assembly: the CDK CLI synthesizes it, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cdk_instance_role.cli.model import CliError
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.synthesis import synthesized
from tests.synth.builders import ROOT

CLI = ROOT / "node_modules" / ".bin"
PATIENCE_SECONDS = 30.0

NOTES_WHAT_IT_SEES = """
import json, os, pathlib
context = json.loads(os.environ["CDK_CONTEXT_JSON"])
if "CONTEXT_OVERFLOW_LOCATION_ENV" in os.environ:
    context |= json.loads(pathlib.Path(os.environ["CONTEXT_OVERFLOW_LOCATION_ENV"]).read_text())
seen = {"context": context, "environment": {name: os.environ.get(name) for name in NAMES}}
folder = pathlib.Path(os.environ["CDK_OUTDIR"])
(folder / "Web.json").write_text(json.dumps({"Metadata": seen, "Resources": {}}))
artifacts = {"Web": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "Web.json"}}}
artifacts["Web"]["environment"] = "aws://unknown-account/unknown-region"
(folder / "manifest.json").write_text(json.dumps({"version": "36.0.0", "artifacts": artifacts}))
"""
NAMES = ("CDK_DEFAULT_REGION", "CDK_CLI_VERSION", "STAGE", "PWD")

# A CLI that shows how it was called: the app is its manifest.
FAKE_CLI = f"""#!{sys.executable}
import json, pathlib, subprocess, sys
options = dict(one[2:].partition("=")[::2] for one in sys.argv[2:] if one.startswith("--"))
pathlib.Path("called.json").write_text(json.dumps([sys.argv[1], *sorted(sys.argv[2:])]))
sys.exit(subprocess.call(options["app"], shell=True, env={{"OUTPUT": options["output"]}}))
"""
EMPTY = """echo '{"artifacts": {}}' > "$OUTPUT/manifest.json" """


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a project, where the real CLI is on the path and has nobody's settings and no credentials."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "CDK_"))]:
        monkeypatch.delenv(name)
    folders = [str(CLI), str(Path(sys.executable).parent), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(folders))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("CDK_DISABLE_CLI_TELEMETRY", "true")
    for name in ("home", "temporary", "project"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture
def fake_cli(project: Path) -> Path:
    """A CLI of the project that takes the place of the real one, and shows how it was called."""
    folder = project / "node_modules" / ".bin"
    folder.mkdir(parents=True)
    (folder / "cdk").write_text(FAKE_CLI)
    (folder / "cdk").chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path) -> Iterator[None]:
    yield
    assert list((tmp_path / "temporary").iterdir()) == []


def seen(command: str, **context: str) -> Any:
    """What an app sees that the real CLI runs."""
    with synthesized(command, context) as folder:
        (stack,) = assembly.read(folder)
    return stack.template["Metadata"]


def write_app(program: str = f"NAMES = {NAMES}\n{NOTES_WHAT_IT_SEES}", path: str = "app.py") -> str:
    Path(path).write_text(program)
    return f"{sys.executable} {path}"


# As in a deployment


def test_an_app_gets_the_same_context_as_in_a_deployment(project: Path, tmp_path: Path) -> None:
    command = write_app()
    (tmp_path / "home" / ".cdk.json").write_text('{"context": {"team": "web"}}')
    Path("cdk.context.json").write_text('{"ssm:account=1:parameterName=/one:region=r": "i-0123456789abcdef0"}')
    Path("cdk.json").write_bytes(b'\xef\xbb\xbf{"app": "false", "context": {"stage": "dev", "kept": true}}')
    before = {path.name: path.read_bytes() for path in project.iterdir()}

    context = seen(command, stage="prod", given="a=b, {c}")["context"]

    assert {key: context.get(key) for key in ("team", "stage", "kept", "given")} == {
        "team": "web",
        "stage": "prod",
        "kept": True,
        "given": "a=b, {c}",
    }
    assert context["ssm:account=1:parameterName=/one:region=r"] == "i-0123456789abcdef0"
    assert {path.name: path.read_bytes() for path in project.iterdir()} == before


def test_an_app_gets_the_same_environment_as_in_a_deployment_and_runs_in_a_shell(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "infra").mkdir()
    write_app(path="infra/app.py")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    monkeypatch.setenv("CDK_OUTDIR", "elsewhere")

    found = seen(f'cd infra && STAGE="d$NOTHING"ev {sys.executable} app.py')["environment"]

    assert found["CDK_CLI_VERSION"]
    assert (found["CDK_DEFAULT_REGION"], found["STAGE"]) == ("eu-west-3", "dev")
    assert found["PWD"] == str(project / "infra")
    assert not Path("elsewhere").exists()


def test_an_app_may_have_more_context_than_an_environment_can_hold() -> None:
    ids = [f"i-{number:017x}" for number in range(8_000)]
    Path("cdk.json").write_text(json.dumps({"context": {"ids": ids}}))

    assert seen(write_app())["context"]["ids"] == ids


LOOKS_UP = """
import json, os, pathlib
key = "ssm:account=111122223333:parameterName=/fleet/one:region=eu-west-1"
props = {"account": "111122223333", "region": "eu-west-1", "parameterName": "/fleet/one"}
missing = [{"key": key, "provider": "ssm", "props": props}]
manifest = {"version": "36.0.0", "artifacts": {}, "missing": missing}
(pathlib.Path(os.environ["CDK_OUTDIR"]) / "manifest.json").write_text(json.dumps(manifest))
"""


def test_an_app_without_cached_lookups_is_refused_and_nothing_is_looked_up(project: Path) -> None:
    with pytest.raises(CliError) as caught, synthesized(write_app(LOOKS_UP), {}):
        pass

    assert str(caught.value) == (
        "the app looks up values that cdk.context.json does not hold "
        "(ssm:account=111122223333:parameterName=/fleet/one:region=eu-west-1): run `cdk synth` once with AWS "
        "credentials, and commit cdk.context.json"
    )
    assert [path.name for path in project.iterdir()] == ["app.py"]


# The arguments of the CLI, and which CLI is used


@pytest.mark.usefixtures("fake_cli")
def test_the_cli_of_the_project_is_run_without_lookups_and_output() -> None:
    with synthesized(EMPTY, {"a": "b=c"}) as folder:
        pass

    assert json.loads(Path("called.json").read_text()) == [
        "synth",
        f"--app={EMPTY}",
        "--context=a=b=c",
        "--no-color",
        "--no-lookups",
        "--no-notices",
        f"--output={folder}",
        "--quiet",
    ]


@pytest.mark.usefixtures("fake_cli")
def test_the_cli_is_found_in_a_folder_above(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("apps/web").mkdir(parents=True)
    monkeypatch.chdir("apps/web")

    with synthesized(EMPTY, {}):
        assert Path("called.json").exists()


def test_the_cli_on_the_path_is_used_if_no_folder_above_has_one(
    fake_cli: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_cli.parent.rename("elsewhere")
    monkeypatch.setenv("PATH", str(Path("elsewhere/.bin").absolute()))

    with synthesized(EMPTY, {}):
        assert Path("called.json").exists()


def test_the_cli_beside_the_virtual_environment_is_used_if_there_is_no_other(
    fake_cli: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(fake_cli.parents[1] / ".venv"))
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.chdir(tmp_path)

    with synthesized(EMPTY, {}):
        assert Path("called.json").exists()


def test_fails_when_there_is_no_cli_and_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))

    with pytest.raises(CliError) as caught, synthesized("python app.py", {}):
        pass

    assert str(caught.value) == (
        "--app with a command needs the CDK CLI, and there is no `cdk` in node_modules/.bin or on the PATH: install "
        "it with `npm install aws-cdk@2`, or give --app the folder that `cdk synth` has written"
    )


@pytest.mark.parametrize("modules", ["..", "node_modules"])
def test_on_windows_node_runs_the_cli_without_its_batch_file(
    fake_cli: Path, monkeypatch: pytest.MonkeyPatch, modules: str
) -> None:
    script = fake_cli / modules / "aws-cdk" / "bin" / "cdk"
    script.parent.mkdir(parents=True)
    script.write_text(FAKE_CLI)
    (fake_cli / "node").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(fake_cli), prepend=os.pathsep)
    monkeypatch.setattr("shutil.which", lambda *_, **__: str(fake_cli / "cdk.CMD"))

    with synthesized(EMPTY, {"a": '"%PATH%"'}):
        assert '--context=a="%PATH%"' in json.loads(Path("called.json").read_text())


def test_fails_when_the_cli_cannot_be_executed(fake_cli: Path) -> None:
    (fake_cli / "cdk").write_text("#!/no/such/interpreter\n")

    with pytest.raises(CliError, match=r"^the CDK CLI can't be run: .*No such file"), synthesized(EMPTY, {}):
        pass


# An app that fails


def failure_of(command: str) -> CliError:
    with pytest.raises(CliError) as caught, synthesized(command, {}):
        pass
    return caught.value


def test_the_output_of_an_app_that_fails_is_shown_and_its_last_line_is_in_the_message() -> None:
    command = write_app("raise RuntimeError('no such account')")

    failure = failure_of(command)

    assert str(failure) == f"the app `{command}` failed with exit status 1: RuntimeError: no such account"
    assert failure.output[0] == "Traceback (most recent call last):"
    assert failure.output[1].startswith('  File "')


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("print('said here'); raise SystemExit(3)", "failed with exit status 3: said here"),
        ("raise SystemExit(4)", "failed with exit status 4: it says nothing"),
        (
            "import sys; sys.stderr.buffer.write(b'\\xff\\x1b[31m!'); sys.exit(5)",
            "failed with exit status 5: \N{REPLACEMENT CHARACTER} [31m!",
        ),
    ],
)
def test_fails_when_the_app_fails(program: str, message: str) -> None:
    command = write_app(program)

    failure = failure_of(command)

    assert (str(failure), failure.output) == (f"the app `{command}` {message}", ())


def test_fails_when_the_app_writes_no_assembly() -> None:
    assert str(failure_of(write_app(""))) == (
        f"the app `{sys.executable} app.py` has written no cloud assembly: it has to call `app.synth()`, and to leave "
        "the folder to the CDK CLI"
    )


def test_fails_when_the_app_is_neither_a_folder_nor_a_command() -> None:
    message = str(failure_of("no-such-command-anywhere"))

    assert message.startswith("the app `no-such-command-anywhere` failed with exit status 127: ")
    assert message.endswith("not found; --app takes the folder of an assembly, or a command")


def test_fails_when_cdk_json_is_broken() -> None:
    command = write_app()
    Path("cdk.json").write_text("{")

    assert str(failure_of(command)).startswith(f"`cdk synth` failed for the app `{command}`: ")


# An early end


@pytest.mark.usefixtures("fake_cli")
def test_an_assembly_that_cannot_be_read_is_deleted() -> None:
    with (
        pytest.raises(CliError, match="it holds no JSON object"),
        synthesized("echo '[]' > $OUTPUT/manifest.json", {}) as folder,
    ):
        assembly.read(folder)


PROGRAM = """
import signal, sys, tempfile
# What runs in the background may have inherited that these are ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from cdk_instance_role.cli.template.synthesis import synthesized
tempfile.tempdir = sys.argv[1]
with synthesized("echo $$ > pid; exec sleep 600", {}):
    pass
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_app_and_removes_its_assembly(
    fake_cli: Path, tmp_path: Path, number: signal.Signals
) -> None:
    (fake_cli / "cdk").write_text(FAKE_CLI.replace("env=", "cwd='.', env="))
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "temporary")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        eventually(lambda: Path("pid").is_file() and bool(Path("pid").read_text().strip()))
        app = int(Path("pid").read_text())
        process.send_signal(number)
        process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode != 0
    eventually(lambda: not is_running(app))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until another process has reached a state."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
