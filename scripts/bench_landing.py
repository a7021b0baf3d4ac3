"""Time the landing of calls in CP932 against the same calls in UTF-8.

    python scripts/bench_landing.py [--rows 1000000] [--runs 3]

Writes both files to a temporary folder, lands each of them alone in a process of its own, and
prints times, peak memory and the ratio of the speeds.
"""

from __future__ import annotations

import argparse

from kpi_warehouse.console import say
from kpi_warehouse.errors import run_command
from kpi_warehouse.landing import read_layouts
from kpi_warehouse.landing.speed import measure_landing
from kpi_warehouse.pipeline import STAGING_DIR


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    measure_landing(read_layouts(STAGING_DIR), options.rows, options.runs, say)


if __name__ == "__main__":
    raise SystemExit(run_command(main))
