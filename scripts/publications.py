"""List the published versions, or make an earlier one current again."""

from __future__ import annotations

import argparse
import os
import sys

from kpi_warehouse import settings
from kpi_warehouse.console import say
from kpi_warehouse.errors import run_command
from kpi_warehouse.publishing.command import list_publications, roll_back


def main() -> None:
    """List, or go back, as the arguments say."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=settings.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="list the versions, the newest first")
    back = commands.add_parser("rollback", help="make an earlier version current; newer ones stay")
    back.add_argument("--to", metavar="VERSION", help="default: the one before the current one")
    options = parser.parse_args()
    found = settings.Settings.from_environment(os.environ)
    if options.command == "list":
        list_publications(found, say)
    else:
        roll_back(found, options.to, say)


if __name__ == "__main__":
    sys.exit(run_command(main))
