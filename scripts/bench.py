"""Time the models against one hand-written query over the same landed Parquet.

    python scripts/bench.py [--activities 1000000] [--seed N]

Makes (once) a world of that size below DATA_DIR/bench, lands it, runs the models and the query,
checks that both give the same calls, connections and meetings by channel and month, and prints
the ratio, the peak memory of each and the slowest models.
"""

from __future__ import annotations

import argparse
import os

from kpi_warehouse.bench import DEFAULT_ACTIVITIES, run_benchmark
from kpi_warehouse.console import say
from kpi_warehouse.errors import run_command
from kpi_warehouse.settings import Settings


def main() -> None:
    """Read the options and run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--activities", type=int, default=DEFAULT_ACTIVITIES)
    parser.add_argument("--seed", type=int, default=None, help="default: the sample's seed")
    options = parser.parse_args()
    run_benchmark(Settings.from_environment(os.environ), options.activities, options.seed, say)


if __name__ == "__main__":
    raise SystemExit(run_command(main))
