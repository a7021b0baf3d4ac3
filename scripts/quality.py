"""Check the landed extracts and the published marts with Great Expectations; write Data Docs."""

from __future__ import annotations

import argparse
import os
import sys

from kpi_warehouse import settings
from kpi_warehouse.console import say
from kpi_warehouse.errors import run_command
from kpi_warehouse.quality.command import check_quality


def main() -> None:
    """Check what the environment names. Exit code 1: an expectation of severity error failed."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=settings.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    boundary = parser.add_mutually_exclusive_group()
    boundary.add_argument("--landed", action="store_true", help="only the landed extracts")
    boundary.add_argument("--published", action="store_true", help="only the published marts")
    options = parser.parse_args()
    check_quality(
        settings.Settings.from_environment(os.environ),
        say,
        is_landed=not options.published,
        is_published=not options.landed,
    )


if __name__ == "__main__":
    sys.exit(run_command(main))
