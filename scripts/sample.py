"""Make a sample world and write its extracts into a folder."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

import polars as pl

from kpi_warehouse.console import say
from kpi_warehouse.errors import UserError, run_command
from kpi_warehouse.world import WorldLog, WorldOptions, write_sample
from kpi_warehouse.world.sample import SAMPLE_FORMATS
from kpi_warehouse.world.writers.files import FILE_FORMATS
from kpi_warehouse.world.writers.native_files import ENCODINGS


def options_of(arguments: argparse.Namespace) -> WorldOptions:
    """The options as given. Raises UserError if one is out of its range."""
    given = {name: getattr(arguments, name) for name in ("seed", "activities", "as_of_date")}
    try:
        return WorldOptions(**{name: value for name, value in given.items() if value is not None})
    except ValueError as error:
        raise UserError(str(error), "the options of the sample", "see --help") from error


def summary(log: WorldLog, out: Path) -> list[str]:
    """What was written, in a few lines."""
    frames = {name: value for name, value in vars(log).items() if isinstance(value, pl.DataFrame)}
    counts = ", ".join(f"{name} {frame.height:,}" for name, frame in frames.items())
    return [
        f"sample of seed {log.seed} up to {log.as_of_date} in {out}",
        f"what truly happened: {counts}",
        f"traps: {sum(log.traps.values()):,} of {len(log.traps)} kinds",
    ]


def main() -> None:
    """Write the sample and say what it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the extracts")
    parser.add_argument("--seed", type=int, help=f"default {WorldOptions.seed}")
    parser.add_argument(
        "--activities", type=int, help=f"100 to 10,000,000; default {WorldOptions.activities:,}"
    )
    parser.add_argument(
        "--format",
        dest="sample_format",
        choices=SAMPLE_FORMATS,
        default="native",
        help="native: Salesforce, MiiTel and SendGrid (default); generic: any system's layout",
    )
    parser.add_argument(
        "--file-format",
        choices=FILE_FORMATS,
        default="csv",
        help="of generic extracts and of planning; default csv",
    )
    parser.add_argument(
        "--encoding",
        choices=ENCODINGS,
        default="mixed",
        help="of native CSV files; default mixed, as each system usually writes them",
    )
    parser.add_argument(
        "--as-of",
        dest="as_of_date",
        type=date.fromisoformat,
        help=f"last day that is in, YYYY-MM-DD; default {WorldOptions.as_of_date}",
    )
    arguments = parser.parse_args()
    log = write_sample(
        arguments.out,
        options_of(arguments),
        arguments.sample_format,
        arguments.file_format,
        arguments.encoding,
    )
    for line in summary(log, arguments.out):
        say(line)


if __name__ == "__main__":
    sys.exit(run_command(main))
