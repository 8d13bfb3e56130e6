"""What every format looks like, to be read in review.

After an intended change: ``UPDATE_SNAPSHOTS=1 pytest tests/cli``, and read the difference.
"""

import os
from pathlib import Path

from cdk_instance_role.cli.status_model import Report
from tests.cli import reports

FOLDER = Path(__file__).parent / "golden"

REPORTS: dict[str, Report] = {
    "plan-empty": reports.empty(),
    "plan-kept": reports.kept(),
    "plan-mixed": reports.mixed(),
    "plan-nasty": reports.nasty(),
    "plan-unread": reports.unread(),
    "plan-enforced": reports.to_be_enforced(),
    "plan-many": reports.in_many_accounts(),
    "status-many": reports.status_of_many_accounts(),
    "status-in-order": reports.in_order(),
    "status-drifted": reports.drifted(),
    "status-enforced": reports.enforced(),
}


def reviewed(name: str, found: str) -> str:
    """What was reviewed under the name; from now on what was found, if the snapshots are updated."""
    file = FOLDER / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.write_text(found, encoding="utf-8")
    return file.read_text(encoding="utf-8")
