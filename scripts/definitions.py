"""Write what follows from the registry: the lock of what was agreed, the funnel's contract."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from kpi_warehouse.console import say
from kpi_warehouse.definitions.command import write_definitions
from kpi_warehouse.errors import UserError, run_command
from kpi_warehouse.settings import PROJECT_DIR


def main() -> None:
    """Lock new definitions; refuse to change one that is locked, unless it means the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=PROJECT_DIR, help="the project's folder")
    parser.add_argument(
        "--same-meaning",
        metavar="REASON",
        help="lock anew what changed, because every number stays as it is; the reason is kept",
    )
    options = parser.parse_args()
    if options.same_meaning is not None and not options.same_meaning.strip():
        raise UserError("is empty", "--same-meaning", "say why the numbers stay as they are")
    write_definitions(options.root, say, options.same_meaning)


if __name__ == "__main__":
    sys.exit(run_command(main))
