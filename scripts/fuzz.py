"""Damaged extracts through landing, one by one, and through the build, in batches.

    python scripts/fuzz.py [--count N --seed S] [--minutes M] [--batch-size B] [--case N]…

Files are made from the seed and their number alone. What landing or a build does wrong with one is
printed, and the file kept in $DATA_DIR/fuzz/failed with how it was made. Exit code 1 if anything
went wrong.
"""

from __future__ import annotations

import argparse
import os
import sys

from kpi_warehouse.console import say
from kpi_warehouse.errors import BuildError, UserError, run_command
from kpi_warehouse.settings import Settings


def main() -> None:
    """Read the options, run, and print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000, help="damaged files; default 2000")
    parser.add_argument("--seed", type=int, default=1, help="of the files; default 1")
    parser.add_argument("--minutes", type=float, help="begin nothing new after so many")
    parser.add_argument(
        "--batch-size", type=int, default=100, help="files per build; 0: landing only; default 100"
    )
    parser.add_argument("--skip-landing", action="store_true", help="builds only")
    parser.add_argument(
        "--case", type=int, action="append", default=[], help="only this number; repeatable"
    )
    options = parser.parse_args()
    if options.count < 1 or options.batch_size < 0:
        raise UserError("are out of range", "--count and --batch-size", "see --help")

    # dbt and polars take seconds to import, which --help should not have to wait for
    from kpi_warehouse.fuzz.run import Plan, run

    plan = Plan(
        seed=options.seed,
        numbers=tuple(options.case) or tuple(range(options.count)),
        batch_size=options.batch_size,
        seconds=options.minutes and options.minutes * 60,
        lands=not options.skip_landing,
    )
    settings = Settings.from_environment(os.environ)
    failures = run(plan, settings.data_dir / "fuzz", say)
    if failures:
        raise BuildError(f"{len(failures)} damaged files or builds went wrong", failures)


if __name__ == "__main__":
    sys.exit(run_command(main))
