"""Land the extracts: turn new and changed files into text-typed Parquet below DATA_DIR."""

from __future__ import annotations

import argparse
import os
import sys

from kpi_warehouse import settings
from kpi_warehouse.console import say
from kpi_warehouse.errors import run_command
from kpi_warehouse.pipeline import land_extracts


def main() -> None:
    """Land as the environment says."""
    argparse.ArgumentParser(
        description=__doc__,
        epilog=settings.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    land_extracts(settings.Settings.from_environment(os.environ), say)


if __name__ == "__main__":
    sys.exit(run_command(main))
