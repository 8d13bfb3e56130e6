"""The entry point of the script ``instance-role``."""

import sys


def main() -> None:
    """Run the command line, or say what it takes."""
    try:
        from .main import cli
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("boto3", "botocore", "click", "rich", "yaml"):
            sys.exit(f"error: {package} is not installed: run `pip install 'cdk-instance-role[cli]'`")
        raise
    cli(prog_name="instance-role")
