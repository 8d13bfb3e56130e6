"""Runs MiniStack for as long as the process that started it lives. For the interpreter that MiniStack is installed in.

Standard input is a pipe that the other side never writes to: its end means that the other side is gone, even if
it had no chance to say so.
"""

import os
import runpy
import signal
import sys
import threading
import time

GRACE_SECONDS = 2.0


def stop_with_parent() -> None:
    """Wait until the pipe ends, then end the whole process group."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=stop_with_parent, daemon=True).start()
    runpy.run_module("ministack", run_name="__main__", alter_sys=True)
