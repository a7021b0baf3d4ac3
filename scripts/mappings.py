"""Propose the rows that the mapping seeds lack for the codes of the published warehouse."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from kpi_warehouse import settings
from kpi_warehouse.console import say
from kpi_warehouse.errors import run_command
from kpi_warehouse.mapping_proposals import accept, show, write


def main() -> None:
    """Show the proposals, write them to be decided, or append what was accepted."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=settings.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    step = parser.add_mutually_exclusive_group()
    step.add_argument(
        "--write", action="store_true", help="write them to $DATA_DIR/mappings, to be decided"
    )
    step.add_argument(
        "--accept", action="store_true", help="append the rows marked there to the seeds"
    )
    parser.add_argument(
        "--root", type=Path, default=settings.PROJECT_DIR, help="the project's folder"
    )
    options = parser.parse_args()
    found = settings.Settings.from_environment(os.environ)
    folder = found.data_dir / "mappings"
    if options.write:
        write(options.root, found.warehouse_path, folder, say)
    elif options.accept:
        accept(options.root, found.warehouse_path, folder, say)
    else:
        show(options.root, found.warehouse_path, say)


if __name__ == "__main__":
    sys.exit(run_command(main))
