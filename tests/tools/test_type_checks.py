"""The type checker reads only some modules of aws-cdk-lib. It treats every other one as `Any`, without a warning."""

import ast
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from localaws.ministack import ROOT

MYPY = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]


def test_the_type_checker_reads_every_imported_module_of_aws_cdk() -> None:
    imported = {module for path in _checked() for module in _imported(path)}
    (read,) = (one["module"] for one in MYPY["overrides"] if one.get("follow_imports") == "normal")

    assert "aws_cdk.aws_iam" in imported
    assert imported - set(read) == set()


def _checked() -> Iterator[Path]:
    for name in MYPY["files"]:
        path = ROOT / name
        yield from path.rglob("*.py") if path.is_dir() else [path]


def _imported(path: Path) -> Iterator[str]:
    """The modules of aws-cdk-lib that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.split(".")[0] == "aws_cdk")
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "aws_cdk":
            yield node.module
            yield from (name for one in node.names if _is_module(name := f"{node.module}.{one.name}"))


def _is_module(name: str) -> bool:
    package = find_spec("aws_cdk")
    assert package
    assert package.origin
    path = Path(package.origin).parent.joinpath(*name.split(".")[1:])
    return path.is_dir() or path.with_suffix(".py").is_file()
