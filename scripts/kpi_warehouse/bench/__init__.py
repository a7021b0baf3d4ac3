"""How long the models take, as a ratio to one hand-written query over the same Parquet.

Everything is measured in one run on one machine: the models' time is the wall time from the
start of the first model to the end of the last one (dbt's start-up and the tests apart), the query's
is the median of several runs in a process of its own. Both answers are compared; a ratio between
different answers would mean nothing.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

HAND_WRITTEN = Path(__file__).with_name("hand_written.sql")

_WAREHOUSE_ANSWER = """
    select channel_id, month_start, calls_made, calls_connected, meetings
    from (
        pivot (
            select channel_id, period_start as month_start, kpi_id, numerator
            from marts.kpi_by_channel_period
            where basis = 'event' and period_grain = 'month'
        )
        on kpi_id in ('calls_made', 'calls_connected', 'meetings')
        using sum(numerator)
    )
    where calls_made + calls_connected + meetings > 0
    order by all
"""


@dataclass(frozen=True)
class QueryRun:
    """Seconds of the hand-written query (median), its peak memory in bytes, and its answer."""

    seconds: float
    peak_bytes: int
    answer: list[tuple]


@dataclass(frozen=True)
class ModelTime:
    """Seconds that one model took."""

    name: str
    seconds: float


def hand_written_answer(
    landing_dir: Path, seeds_dir: Path, as_of: date, threads: int, memory_limit: str
) -> list[tuple]:
    """Calls, connections and meetings by channel and month, straight from the landed Parquet."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set threads = ?", [threads])
    connection.execute("set memory_limit = ?", [memory_limit])
    parameters = {"landing": str(landing_dir), "seeds": str(seeds_dir), "as_of": as_of}
    return connection.execute(HAND_WRITTEN.read_text("utf-8"), parameters).fetchall()


def time_hand_written(
    landing_dir: Path, seeds_dir: Path, as_of: date, threads: int, memory_limit: str, runs: int = 3
) -> QueryRun:
    """Run the query `runs` times in a process of its own, so that its memory is its own."""
    arguments = [str(landing_dir), str(seeds_dir), as_of.isoformat(), str(threads), memory_limit]
    command = [sys.executable, "-m", __name__, *arguments, str(runs)]
    environment_path = str(Path(__file__).resolve().parents[2])
    output = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=environment_path
    ).stdout
    report = json.loads(output)
    answer = hand_written_answer(landing_dir, seeds_dir, as_of, threads, memory_limit)
    return QueryRun(report["seconds"], report["peak_bytes"], answer)


def warehouse_answer(warehouse: Path) -> list[tuple]:
    """The same numbers from the published marts."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(_WAREHOUSE_ANSWER).fetchall()


def model_times(run_results: Path) -> tuple[float, list[ModelTime]]:
    """Wall seconds of all models together, and of each one, slowest first."""
    results = json.loads(run_results.read_text("utf-8"))["results"]
    models = [result for result in results if result["unique_id"].startswith("model.")]
    execution = [
        step for model in models for step in model["timing"] if step["name"] == "execute"
    ]
    started = min(_moment(step["started_at"]) for step in execution)
    completed = max(_moment(step["completed_at"]) for step in execution)
    times = [
        ModelTime(model["unique_id"].split(".")[-1], model["execution_time"]) for model in models
    ]
    wall = (completed - started).total_seconds()
    return wall, sorted(times, key=lambda model: model.seconds, reverse=True)


def peak_bytes_of_children() -> int:
    """Largest resident memory of any finished child process, in bytes."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _time_in_this_process(arguments: list[str]) -> None:
    landing_dir, seeds_dir, as_of, threads, memory_limit, runs = arguments
    seconds = []
    for _ in range(int(runs)):
        begun = time.perf_counter()
        hand_written_answer(
            Path(landing_dir), Path(seeds_dir), date.fromisoformat(as_of), int(threads), memory_limit
        )
        seconds.append(time.perf_counter() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": statistics.median(seconds), "peak_bytes": peak}))


if __name__ == "__main__":
    _time_in_this_process(sys.argv[1:])
