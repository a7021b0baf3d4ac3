"""Write the monthly review (月次レビュー) of the published warehouse: a page, and as Markdown."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from kpi_warehouse import settings
from kpi_warehouse.console import say
from kpi_warehouse.errors import run_command
from kpi_warehouse.published import find_published
from kpi_warehouse.review import write_review


def main() -> None:
    """Write the review of a month of the warehouse that the environment names."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=settings.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--month", help="YYYY-MM (default: the last one that is over)")
    parser.add_argument("--language", default="ja", help="ja or en (default: ja)")
    parser.add_argument("--out", type=Path, help="folder to write into (default: $DATA_DIR/review)")
    options = parser.parse_args()
    found = settings.Settings.from_environment(os.environ)
    source = find_published(found, say)
    written = write_review(
        source.path,
        source.as_of,
        (options.out or found.data_dir / "review").expanduser().resolve(),
        options.month,
        options.language,
        found.new_team_months,
    )
    for path in written:
        say(f"月次レビュー Monthly review: {path}")


if __name__ == "__main__":
    sys.exit(run_command(main))
