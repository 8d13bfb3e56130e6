"""MiniStack's evaluator of IAM policies, as a library.

It is installed in a separate environment, because MiniStack pins another botocore. Its evaluator is one module that
needs only the standard library, so that module alone is loaded from there.
"""

import sys
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
MODULE = "ministack/core/iam_evaluator.py"
_PRIVATE_NAME = "_ministack_iam_evaluator"


@cache
def evaluator() -> ModuleType:
    """The module.

    Raises:
        FileNotFoundError: MiniStack is not installed.
    """
    return load(ROOT)


def load(root: Path) -> ModuleType:
    """The module from the MiniStack of a checkout, without anything else of that environment.

    Raises:
        FileNotFoundError: there is none.
    """
    path = next(root.glob(f".ministack/lib/python*/site-packages/{MODULE}"), None)
    spec = spec_from_file_location(_PRIVATE_NAME, path) if path else None
    if spec is None or spec.loader is None:
        raise FileNotFoundError("MiniStack, whose policy evaluator is needed, is not installed: run `make setup`")
    module = module_from_spec(spec)
    # Dataclasses look their own module up by name while it is being executed.
    sys.modules[_PRIVATE_NAME] = module
    spec.loader.exec_module(module)
    return module
