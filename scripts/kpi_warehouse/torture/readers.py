"""Readers that never stop, and hold all they read against what the publication says of itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from kpi_warehouse.errors import UserError
from kpi_warehouse.publishing import Store, Version
from kpi_warehouse.publishing.store import CURRENT, DATABASE
from kpi_warehouse.torture import child_environment
from kpi_warehouse.torture.marts import publish_number

# a version is there for at least as many publications as are kept; a reader that sleeps longer than
# that between finding and opening it has to look again
_TRIES = 20


@dataclass
class Reading:
    """What one reader saw.

    Attributes:
        reads: times that it opened, read and closed.
        versions: names in the order in which they appeared.
        errors: a line each.
    """

    reads: int = 0
    versions: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def problems_of(version: Version) -> list[str]:
    """What is not whole of a version: rows and totals of each table are held against its word."""
    found = []
    told = json.loads((version.folder / "publication.json").read_text("utf-8"))
    if told["version"] != version.name:
        found.append(f"{version.name} says that it is {told['version']}")
    with duckdb.connect(str(version.database), read_only=True) as connection:
        tables = connection.execute("select table_name from duckdb_tables()").fetchall()
        if sorted(name for (name,) in tables) != sorted(told["tables"]):
            found.append(f"{version.name} lacks tables")
        for table, expected in told["tables"].items():
            sums = "".join(f', sum("{name}")::varchar' for name in expected["totals"])
            row = connection.execute(f'select count(*){sums} from marts."{table}"').fetchone()
            if row != (expected["rows"], *expected["totals"].values()):
                found.append(f"{version.name}: {table} is not what publication.json says")
    return found


def read_until(stop: Path, folder: Path) -> Reading:
    """Read until a file appears: by the version's own name, and by way of `current`."""
    store, seen = Store(folder), Reading()
    number = -1
    while not stop.exists():
        try:
            version = _opened(store, seen)
            if seen.versions and Version(Path(seen.versions[-1])).order > version.order:
                seen.errors.append(f"went back from {seen.versions[-1]} to {version.name}")
            if not seen.versions or seen.versions[-1] != version.name:
                seen.versions.append(version.name)
            number = _by_current(folder, number, seen)
            seen.reads += 2
        except (duckdb.Error, OSError, UserError, ValueError, KeyError) as error:
            seen.errors.append(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
    return seen


def _opened(store: Store, seen: Reading) -> Version:
    for left in reversed(range(_TRIES)):
        version = store.current
        if version is None:
            raise ValueError("current names no version")
        try:
            seen.errors += problems_of(version)
        except (duckdb.IOException, OSError):
            # taken away meanwhile, as newer ones came: that is no error, being current still is
            if left and store.current != version:
                continue
            raise
        return version
    raise AssertionError


def _by_current(folder: Path, before: int, seen: Reading) -> int:
    """What every client can do: open the path that stays the same."""
    with duckdb.connect(str(folder / CURRENT / DATABASE), read_only=True) as connection:
        number, activities, count, total = connection.execute(
            """
            select
                any_value(number), any_value(activities),
                (select count(*) from marts.fct_activities),
                (select sum(numerator) from marts.kpi_by_period)
            from marts.torture
            """
        ).fetchone() or (0, 0, 0, 0)
    if activities != count or total != count:
        seen.errors.append(f"torn: {activities} activities are {count}, and KPIs say {total}")
    if number < before:
        seen.errors.append(f"went back from number {before} to {number}")
    return number


@dataclass(frozen=True)
class Outcome:
    """What publications under readers came to."""

    publications: int
    reads: int
    versions_seen: int
    errors: tuple[str, ...]


def publish_under_readers(
    folder: Path, publications: int, readers: int, say: Callable[[str], None]
) -> Outcome:
    """Publish again and again while readers in processes of their own read without a pause."""
    work = folder / "work"
    work.mkdir(parents=True)
    published = folder / "published"
    publish_number(published, work, 0)
    stop = folder / "stop"
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(published), str(stop)],
            env=child_environment(),
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        for _ in range(readers)
    ]
    try:
        for number in range(1, publications + 1):
            publish_number(published, work, number)
            if number % 25 == 0:
                say(f"  {number} publications")
    finally:
        stop.touch()
        results = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    return Outcome(
        publications,
        sum(each["reads"] for each in results),
        min(len(each["versions"]) for each in results),
        tuple(error for each in results for error in each["errors"]),
    )


if __name__ == "__main__":
    print(json.dumps(vars(read_until(Path(sys.argv[2]), Path(sys.argv[1])))))
