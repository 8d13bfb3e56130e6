"""Limits of the settings, known without the CDK, so that the configuration of the app can check them, too."""

OLDEST_PYTHON = (3, 11)
"""The oldest Python that the handler runs on."""
MAX_RESERVED_EXECUTIONS = 1_000_000
"""More executions than Lambda runs for any account."""
MAX_LEDGER_TAGS = 50
"""Of a table, with the one that every ledger has:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Tagging.html"""
