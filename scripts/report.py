"""Write the report of a month: the dashboard's main charts as one file to mail and to print."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import date
from pathlib import Path

from kpi_warehouse import settings
from kpi_warehouse.console import say
from kpi_warehouse.errors import UserError, run_command
from kpi_warehouse.publishing.store import Store


def main() -> None:
    """Write the report of a month of the published marts that the environment names."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=settings.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--month", help="YYYY-MM (default: the last one that is over)")
    parser.add_argument("--language", default="ja", help="ja or en (default: ja)")
    parser.add_argument("--out", type=Path, help="folder to write into (default: $DATA_DIR/report)")
    options = parser.parse_args()
    found = settings.Settings.from_environment(os.environ)
    try:
        from kpi_warehouse.report import write_report
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is not installed", "report", "run make report") from error
    version = Store(found.publish_dir).current
    if version is None:
        raise UserError("nothing is published yet", found.publish_dir, "run make build")
    written = write_report(
        version.folder,
        date.fromisoformat(version.publication["as_of_date"]),
        (options.out or found.data_dir / "report").expanduser().resolve(),
        options.month,
        options.language,
    )
    for path in written:
        say(f"KPIレポート KPI report: {path}")


if __name__ == "__main__":
    sys.exit(run_command(main))
