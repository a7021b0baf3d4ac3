"""The hand-written query: run in this process, or timed in a process of its own.

    python hand_written.py LANDING SEEDS AS_OF THREADS MEMORY RUNS

prints the median seconds of the runs and the peak memory in bytes as JSON.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

QUERY = Path(__file__).with_suffix(".sql")


@dataclass(frozen=True)
class Inputs:
    """What the query reads, and the resources it may use (the same as the models)."""

    landing_dir: Path
    seeds_dir: Path
    as_of_date: date
    threads: int
    memory_limit: str


@dataclass(frozen=True)
class Timing:
    """Median wall seconds of the runs, and the peak memory of their process in bytes."""

    seconds: float
    peak_bytes: int


def answer(inputs: Inputs) -> list[tuple]:
    """Channel, month, calls, connections and meetings, in that order of columns and rows."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_progress_bar = false")
        connection.execute("set threads = ?", [inputs.threads])
        connection.execute("set memory_limit = ?", [inputs.memory_limit])
        connection.execute("set preserve_insertion_order = false")
        # as in the profile: this optimizer is wrong in DuckDB 2.0.0
        connection.execute("set disabled_optimizers = 'statistics_propagation'")
        parameters = {
            "landing": str(inputs.landing_dir),
            "seeds": str(inputs.seeds_dir),
            "as_of": inputs.as_of_date,
        }
        return connection.execute(QUERY.read_text("utf-8"), parameters).fetchall()


def time_in_own_process(inputs: Inputs, runs: int = 3) -> Timing:
    """Run the query `runs` times in a new process, so that its memory is only its own."""
    arguments = [
        str(inputs.landing_dir),
        str(inputs.seeds_dir),
        inputs.as_of_date.isoformat(),
        str(inputs.threads),
        inputs.memory_limit,
        str(runs),
    ]
    # by its path: as a module it would be imported twice
    command = [sys.executable, __file__, *arguments]
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Timing(**json.loads(finished.stdout))


def main(arguments: list[str]) -> None:
    """Time the query in this process and print the result."""
    landing_dir, seeds_dir, as_of_date, threads, memory_limit, runs = arguments
    inputs = Inputs(
        Path(landing_dir),
        Path(seeds_dir),
        date.fromisoformat(as_of_date),
        int(threads),
        memory_limit,
    )
    seconds = []
    for _ in range(int(runs)):
        begun = time.perf_counter()
        answer(inputs)
        seconds.append(time.perf_counter() - begun)
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": statistics.median(seconds), "peak_bytes": peak_bytes}))


if __name__ == "__main__":
    main(sys.argv[1:])
