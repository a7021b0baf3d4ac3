"""Publish under readers, kills, full and read-only disks, and see that readers never notice."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from kpi_warehouse.console import say
from kpi_warehouse.errors import run_command
from kpi_warehouse.torture.run import torture


def main() -> None:
    """Torture as the arguments say, in a folder that is gone afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--publications", type=int, default=200, help="under readers; default 200")
    parser.add_argument("--readers", type=int, default=4, help="default 4")
    parser.add_argument("--kills", type=int, default=50, help="at random moments; default 50")
    parser.add_argument("--seed", type=int, default=1, help="of these moments; default 1")
    parser.add_argument(
        "--without-builds", action="store_true", help="only publications, not whole builds"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        torture(
            Path(folder),
            say,
            options.publications,
            options.readers,
            options.kills,
            not options.without_builds,
            options.seed,
        )


if __name__ == "__main__":
    sys.exit(run_command(main))
