"""A dashboard of one's own for a while: for screenshots and tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kpi_warehouse.errors import UserError
from kpi_warehouse.settings import PROJECT_DIR

_HOST = "127.0.0.1"
_PATIENCE_SECONDS = 60


@contextmanager
def serving(publish_dir: Path) -> Iterator[str]:
    """The address of a dashboard of what is published there, on a free port, ended at the end.

    Raises UserError if it does not start.
    """
    with socket.socket() as free:
        free.bind((_HOST, 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        server = subprocess.Popen(
            [sys.executable, PROJECT_DIR / "scripts" / "dashboard.py", "--port", str(port)],
            env=os.environ | {"PUBLISH_DIR": str(publish_dir)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            if not _is_there(server, port):
                log.seek(0)
                last = (log.read().strip().splitlines() or ["it said nothing"])[-1]
                raise UserError("the dashboard did not start", last, "run make dashboard to see")
            yield f"http://{_HOST}:{port}"
        finally:
            server.terminate()
            server.wait()


def _is_there(server: subprocess.Popen, port: int) -> bool:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with socket.socket() as knock:
            if knock.connect_ex((_HOST, port)) == 0:
                return True
        time.sleep(0.1)
    return False
