"""Write the KPI sheet (KPIシート) of the published warehouse: a workbook and a page."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from kpi_warehouse import settings
from kpi_warehouse.console import say
from kpi_warehouse.errors import run_command
from kpi_warehouse.kpi_sheet import write_kpi_sheet
from kpi_warehouse.published import find_published


def main() -> None:
    """Write the sheet of the warehouse that the environment names."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=settings.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out", type=Path, help="folder to write into (default: $DATA_DIR/kpi_sheet)"
    )
    options = parser.parse_args()
    found = settings.Settings.from_environment(os.environ)
    source = find_published(found, say)
    folder = (options.out or found.data_dir / "kpi_sheet").expanduser().resolve()
    for path in write_kpi_sheet(source.path, source.as_of, folder):
        say(f"KPIシート KPI sheet: {path}")


if __name__ == "__main__":
    sys.exit(run_command(main))
