"""Errors that are shown as lines, not as tracebacks, and the wrapper that shows them."""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Callable

SUCCESS = 0
EXIT_BUILD_FAILED = 1
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 130

_FROM_OUTSIDE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
}
NO_ROOM = re.compile(r"No space left on device|File too large|Disk quota exceeded")
"""How the system, and DuckDB after it, says that the disk is full."""


class UserError(Exception):
    """Something the caller can put right: what is wrong, where, and how to mend it."""

    def __init__(self, what: str, where: object, mend: str) -> None:
        self.what = what
        self.where = str(where)
        self.mend = mend
        super().__init__(_one_line(f"{self.where}: {what}; {mend}"))


class BuildError(Exception):
    """dbt ran and found the warehouse wrong; each finding is one line."""

    def __init__(self, headline: str, findings: list[str]) -> None:
        self.findings = [_one_line(finding) for finding in findings]
        super().__init__(_one_line(headline))


def run_command(main: Callable[[], None]) -> int:
    """Run a command and return its exit code.

    0: done. 1: the build failed, one line per finding. 2: the caller's mistake, one line.
    130: interrupted. Any other exception is a defect of this project and keeps its traceback.
    """
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USER_ERROR
    except BuildError as error:
        print(f"error: {error}", *error.findings, sep="\n  ", file=sys.stderr)
        return EXIT_BUILD_FAILED
    except KeyboardInterrupt:
        print("interrupted; run the command again to go on", file=sys.stderr)
        return EXIT_INTERRUPTED
    except OSError as error:
        if error.errno not in _FROM_OUTSIDE:
            raise
        print(f"error: {error.filename}: {error.strerror}; mend it and retry", file=sys.stderr)
        return EXIT_USER_ERROR
    return SUCCESS


def _one_line(text: str) -> str:
    return " ".join(text.split())
