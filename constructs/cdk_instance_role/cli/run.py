"""The entry point of the script ``instance-role``."""

import sys


def main() -> None:
    """Run the command line, or say what it takes."""
    try:
        from .main import cli
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("boto3", "botocore", "click", "rich", "yaml"):
            sys.exit(f"error: {error.name} is not installed: run `pip install 'cdk-instance-role[cli]'`")
        raise
    cli(prog_name="instance-role")
