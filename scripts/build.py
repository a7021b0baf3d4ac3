"""Build the warehouse: land the extracts, run dbt, publish, print the funnel."""

from __future__ import annotations

import argparse
import os
import sys

from kpi_warehouse import settings
from kpi_warehouse.console import say
from kpi_warehouse.errors import run_command
from kpi_warehouse.pipeline import build


def main() -> None:
    """Build as the environment says."""
    argparse.ArgumentParser(
        description=__doc__,
        epilog=settings.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    build(settings.Settings.from_environment(os.environ), say)


if __name__ == "__main__":
    sys.exit(run_command(main))
