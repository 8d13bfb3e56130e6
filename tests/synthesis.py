"""Apps that are synthesized in the process of the tests, which loads Node.js and the CDK once for all of them."""

import functools
import json
import os
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from aws_cdk import App

import app  # so that no module that it imports keeps an `App` of one synthesis
from localaws.ministack import ROOT

APP = Path(app.__file__).name


def synthesize(script: str, context: Mapping[str, Any], folder: Path) -> None:
    """Write the cloud assembly of an app.

    The app gets its context and the folder as arguments of `App`. From the CDK CLI it gets them in its environment,
    which Node.js has read already.

    Args:
        script: the app, a file of this repository.
        context: its whole context.
        folder: where the assembly is written to.

    Raises:
        SystemExit: the app refuses its context.
    """
    given = functools.partial(App, context=dict(context), outdir=str(folder))
    with patch("aws_cdk.App", given), patch.dict(os.environ, CDK_CONTEXT_JSON=json.dumps(context)):
        runpy.run_path(str(ROOT / script), run_name="__main__")
