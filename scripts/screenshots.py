"""Write the pictures of the managers' guide anew, from the published marts."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from kpi_warehouse import settings
from kpi_warehouse.console import say
from kpi_warehouse.errors import UserError, run_command
from kpi_warehouse.publishing.store import Store
from kpi_warehouse.settings import PROJECT_DIR

IMAGES = PROJECT_DIR / "docs" / "ja" / "images"


def main() -> None:
    """Open each page of the dashboard and write what it looks like."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=settings.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=IMAGES, help="default docs/ja/images")
    options = parser.parse_args()
    found = settings.Settings.from_environment(os.environ)
    if Store(found.publish_dir).current is None:
        raise UserError("nothing is published yet", found.publish_dir, "run make build")
    try:
        from kpi_warehouse.dashboard.screenshots import chromium, take
        from kpi_warehouse.dashboard.serving import serving
    except ModuleNotFoundError as error:
        raise UserError(
            f"{error.name} is not installed", "screenshots", "run make screenshots"
        ) from error
    with serving(found.publish_dir) as address, chromium() as browser:
        for path in take(browser, address, options.out.expanduser().resolve()):
            say(f"画面 Screenshot: {path}")


if __name__ == "__main__":
    sys.exit(run_command(main))
