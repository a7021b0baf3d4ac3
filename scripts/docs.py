"""Write the documentation of all tables and columns: one page that needs no server or network."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from kpi_warehouse import settings
from kpi_warehouse.console import say
from kpi_warehouse.docs_page import write_docs
from kpi_warehouse.errors import run_command


def main() -> None:
    """Write the page of the warehouse that the environment names."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=settings.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, help="folder to write into (default: $DATA_DIR/docs)")
    options = parser.parse_args()
    found = settings.Settings.from_environment(os.environ)
    folder = (options.out or found.data_dir / "docs").expanduser().resolve()
    path, absent = write_docs(found, folder)
    if absent:
        names = ", ".join(absent[:3]) + (", …" if len(absent) > 3 else "")
        say(f"{len(absent)} tables are not in the warehouse ({names}): run make build")
    say(f"テーブル定義 Documentation of the tables: {path}")


if __name__ == "__main__":
    sys.exit(run_command(main))
