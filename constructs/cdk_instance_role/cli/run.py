"""The entry point of the script ``instance-role``."""

import gc
import sys

MAX_NEW_OBJECTS = 1_000_000
"""Objects that are made before Python looks for cycles. A look at an account and Region leaves some 3,000 in cycles."""


def main() -> None:
    """Run the command line, or say what it takes."""
    try:
        from .main import cli
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("boto3", "botocore", "click", "rich", "yaml"):
            sys.exit(f"error: {package} is not installed: run `pip install 'cdk-instance-role[cli]'`")
        raise
    # What is read of thousands of instances is millions of objects, hardly any of them in a cycle: to look for cycles
    # as often as usual takes a quarter of the time.
    gc.freeze()
    gc.set_threshold(MAX_NEW_OBJECTS)
    cli(prog_name="instance-role")
