"""Print the funnel by channel and the data-quality findings of the published warehouse."""

from __future__ import annotations

import argparse
import os
import sys

from kpi_warehouse import settings
from kpi_warehouse.console import say
from kpi_warehouse.errors import run_command
from kpi_warehouse.published import find_published
from kpi_warehouse.summary import print_summary


def main() -> None:
    """Summarise the warehouse that the environment names."""
    argparse.ArgumentParser(
        description=__doc__,
        epilog=settings.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    found = settings.Settings.from_environment(os.environ)
    source = find_published(found, say)
    print_summary(source.path, source.as_of, say)


if __name__ == "__main__":
    sys.exit(run_command(main))
