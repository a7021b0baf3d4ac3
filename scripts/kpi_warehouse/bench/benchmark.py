"""The benchmark: the same world, the same Parquet, the same machine, the same run.

The models' time is the wall time from the start of the first model to the end of the last one;
dbt's start-up, the seeds and the tests are not in it. Both answers are compared first: a ratio
between different answers would mean nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from kpi_warehouse.bench import hand_written
from kpi_warehouse.errors import BuildError
from kpi_warehouse.landing import land, read_layouts
from kpi_warehouse.pipeline import STAGING_DIR
from kpi_warehouse.settings import PROJECT_DIR, SAMPLE_MANIFEST, Settings

DEFAULT_ACTIVITIES = 1_000_000
THREADS = 2
SLOWEST = 10

Say = Callable[[str], None]

_WAREHOUSE_ANSWER = """
    with counts as (
        select
            channel_id,
            period_start,
            sum(numerator) filter (where kpi_id = 'calls_made') as calls_made,
            sum(numerator) filter (where kpi_id = 'calls_connected') as calls_connected,
            sum(numerator) filter (where kpi_id = 'meetings') as meetings
        from marts.kpi_by_channel_period
        where basis = 'event' and period_grain = 'month'
        group by channel_id, period_start
    )

    select * from counts
    where calls_made + calls_connected + meetings > 0
    order by channel_id, period_start
"""


@dataclass(frozen=True)
class ModelRun:
    """Wall seconds of all models, of each one (slowest first), and peak memory of the process."""

    seconds: float
    by_model: list[tuple[str, float]]
    peak_bytes: int


def run_benchmark(settings: Settings, activities: int, seed: int | None, say: Say) -> None:
    """Make the world if need be, land it, run both, compare their answers and print the ratio.

    Raises BuildError if dbt fails, or the two answers differ.
    """
    folder = settings.data_dir / "bench" / f"{activities}-{seed or 'default'}"
    extracts_dir = folder / "extracts"
    _make_world(extracts_dir, activities, seed, say)
    bench = Settings.from_environment(
        {
            "EXTRACTS_DIR": str(extracts_dir),
            "DATA_DIR": str(folder),
            "DUCKDB_MEMORY_LIMIT": settings.memory_limit,
        }
    )
    layouts = read_layouts(STAGING_DIR)
    land(
        bench.extracts_dir,
        bench.landing_dir,
        layouts,
        say,
        bench.sample_as_of_date(),
        bench.memory_limit,
    )
    say("running the models")
    models = run_models(bench)
    say("running the hand-written query")
    inputs = hand_written.Inputs(
        bench.landing_dir,
        PROJECT_DIR / "seeds",
        bench.resolve_as_of_date(),
        THREADS,
        bench.memory_limit,
    )
    query = hand_written.time_in_own_process(inputs)
    check_answers(hand_written.answer(inputs), warehouse_answer(bench.warehouse_path))
    for line in report(activities, models, query):
        say(line)


def run_models(settings: Settings) -> ModelRun:
    """Seeds and models in a dbt process of its own. Raises BuildError if it fails."""
    target = settings.data_dir / "dbt" / "target"
    command = [
        str(Path(sys.executable).with_name("dbt")),
        "--quiet",
        "build",
        *("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
        *("--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR / "profiles")),
        *("--target-path", str(target), "--log-path", str(settings.data_dir / "dbt" / "logs")),
        *("--threads", str(THREADS)),
    ]
    environment = {
        **os.environ,
        "AS_OF_DATE": settings.resolve_as_of_date().isoformat(),
        "DATA_DIR": str(settings.data_dir),
        "DUCKDB_MEMORY_LIMIT": settings.memory_limit,
        "WAREHOUSE_PATH": str(settings.warehouse_path),
    }
    settings.warehouse_path.unlink(missing_ok=True)
    process = subprocess.Popen(command, env=environment, cwd=PROJECT_DIR)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise BuildError("dbt failed", [f"its log is in {settings.data_dir / 'dbt' / 'logs'}"])
    seconds, by_model = model_seconds(target / "run_results.json")
    return ModelRun(seconds, by_model, usage.ru_maxrss * 1024)


def model_seconds(run_results: Path) -> tuple[float, list[tuple[str, float]]]:
    """Wall seconds of all models together, and of each one, slowest first."""
    results = json.loads(run_results.read_text("utf-8"))["results"]
    models = [result for result in results if result["unique_id"].startswith("model.")]
    steps = [step for model in models for step in model["timing"] if step["name"] == "execute"]
    started = min(_moment(step["started_at"]) for step in steps)
    completed = max(_moment(step["completed_at"]) for step in steps)
    by_model = [(model["unique_id"].split(".")[-1], model["execution_time"]) for model in models]
    by_model.sort(key=lambda model: model[1], reverse=True)
    return (completed - started).total_seconds(), by_model


def warehouse_answer(warehouse: Path) -> list[tuple]:
    """What the hand-written query answers, from the marts."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(_WAREHOUSE_ANSWER).fetchall()


def check_answers(by_hand: list[tuple], by_models: list[tuple]) -> None:
    """Raise BuildError if the two answers differ, or there is none."""
    if by_hand and by_hand == by_models:
        return
    only_by_hand = sorted(set(by_hand) - set(by_models))[:3]
    only_by_models = sorted(set(by_models) - set(by_hand))[:3]
    raise BuildError(
        "the hand-written query and the marts differ",
        [f"by hand only: {only_by_hand}", f"in the marts only: {only_by_models}"],
    )


def report(activities: int, models: ModelRun, query: hand_written.Timing) -> list[str]:
    """The result in a few lines; ratios first, as seconds depend on the machine."""
    lines = [
        "",
        f"{activities:,} activities, {THREADS} threads; both gave the same answer",
        f"ratio models / hand-written query: {models.seconds / query.seconds:.1f}",
        f"  models             {models.seconds:8.1f} s   peak memory {_gib(models.peak_bytes)}",
        f"  hand-written query {query.seconds:8.1f} s   peak memory {_gib(query.peak_bytes)}",
        f"slowest of {len(models.by_model)} models, as shares of the models' time:",
    ]
    for name, seconds in models.by_model[:SLOWEST]:
        lines.append(f"  {name:32} {seconds / models.seconds:6.1%}")
    return lines


def _make_world(extracts_dir: Path, activities: int, seed: int | None, say: Say) -> None:
    """In a process of its own: a child's peak memory includes what its parent held at its start.

    Raises BuildError if it fails.
    """
    if (extracts_dir / SAMPLE_MANIFEST).is_file():
        return
    say(f"making a world of {activities:,} activities in {extracts_dir}")
    command = [sys.executable, str(PROJECT_DIR / "scripts" / "sample.py")]
    options = {
        "--out": extracts_dir,
        "--activities": activities,
        "--format": "generic",
        "--file-format": "parquet",
    }
    if seed is not None:
        options["--seed"] = seed
    command += [str(text) for option in options.items() for text in option]
    if subprocess.run(command, check=False).returncode != 0:
        raise BuildError("the world was not made", ["what went wrong stands above"])


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
