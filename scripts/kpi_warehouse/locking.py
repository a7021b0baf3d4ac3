"""A lock on a file, which the system gives back when the process that holds it ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kpi_warehouse.errors import UserError


@contextmanager
def exclusive(lock: Path, what: Path) -> Iterator[None]:
    """Hold an advisory lock, which ends with the process at the latest.

    Raises UserError that names `what` if another process holds it.
    """
    # not "w": two processes may open it at once, and only one of them goes on
    with lock.open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError("another build is writing it", what, "wait for its end") from error
        yield
