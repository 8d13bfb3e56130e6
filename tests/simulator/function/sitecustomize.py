"""Identifies a deployed function in its calls.

Functions run with the account's own credentials on the local AWS. On AWS a session token identifies the caller;
this module, which Python imports when it starts, makes the function's ARN the session token.
"""

import os

_ARN = os.environ.get("_LAMBDA_FUNCTION_ARN")
if _ARN:
    os.environ["AWS_SESSION_TOKEN"] = _ARN
