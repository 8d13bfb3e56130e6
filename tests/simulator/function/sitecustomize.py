"""Lets a deployed function say who it is.

Functions run with the account's own credentials on the local AWS. On AWS a session token tells whose calls they are;
this module, which Python imports when it starts, makes the function's ARN the session token.
"""

import os

_ARN = os.environ.get("_LAMBDA_FUNCTION_ARN")
if _ARN:
    os.environ["AWS_SESSION_TOKEN"] = _ARN
