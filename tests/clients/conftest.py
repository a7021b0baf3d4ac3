"""A published world, a PostgreSQL server of the tests' own, and what must be there in CI."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from kpi_warehouse.publishing import Store, Version
from needs import absent, needs
from published_marts import publish, warehouse

# Debian keeps the server's programs out of the path
_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
_EXOTIC = """
create table marts.every_type as select * from (values
    (1::bigint, 7, 0.1::double, true, date '2026-02-28', timestamp '2026-02-28 23:59:59.123456',
        '改行' || chr(10) || 'と"引用符", \\N', 12345678901234.56::decimal(18, 2),
        0.000001::decimal(18, 6)),
    (-9223372036854775807, -2147483648, 1e300, false, date '2000-01-01',
        timestamp '1999-12-31 00:00:00', '', -0.01, -1.5),
    (null, null, null, null, null, null, null, null, null)
) as rows (
    a_bigint, an_integer, a_double, a_boolean, a_date, a_timestamp, a_text, an_amount, a_goal
)
"""
_WORDS = """
create table marts.kpi_by_rep_period as
select * exclude (channel_id), 'r1' as rep_id from marts.kpi_by_period;

create table marts.dim_kpis as
select
    kpi_id, version, version = 2 as is_current, cast(null as varchar) as statistic,
    '架電' as name_ja, 'Outbound dials' as definition_en, '発信した件数' as definition_ja,
    if(kpi_id = 'calls_made', 'count', 'rate') as unit
from (values ('calls_made'), ('connection_rate')) as kpis (kpi_id)
cross join (values (1), (2)) as versions (version);

create table marts.dim_channels as
select 'dm' as channel_id, 'DM' as name_ja, 10 as sort_order
union all
select 'webinar', 'ウェビナー', 20;

create table marts.dim_reps as
select
    'r1' as rep_id, '一郎' as name, 'A' as team, date '2000-01-01' as valid_from,
    date '2035-12-31' as valid_to;
"""


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A publication with every type that the marts use, and the words beside the KPIs."""
    folder = tmp_path_factory.mktemp("clients")
    database = warehouse(folder / "built.duckdb")
    with duckdb.connect(str(database)) as connection:
        connection.execute(_EXOTIC)
        connection.execute(_WORDS)
    store = Store(folder / "published")
    publish(store, database)
    return store


@pytest.fixture
def version(store: Store) -> Version:
    return store.current


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server on a socket in a folder of its own."""

    folder: Path
    where: str

    def sql(self, statement: str, user: str = "owner") -> list[tuple]:
        """Run a statement and return its rows, if it has any."""
        import psycopg

        with psycopg.connect(f"{self.where} user={user}", autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Started here and stopped here; no TCP port, so that nobody else can meet it."""
    needs("psycopg")
    if not _PROGRAMS:
        absent("PostgreSQL is not installed; apt-get install postgresql")
    programs = _PROGRAMS[0]
    # a socket's path may not be long
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    run = _as_somebody(folder)
    try:
        run([programs / "initdb", "-D", folder / "data", "-U", "owner", "-A", "trust", "-N"])
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        control = [programs / "pg_ctl", "-D", folder / "data", "-w", "-t", "60"]
        run([*control, "-o", options, "-l", folder / "log", "start"])
        try:
            server = Server(folder, f"host={folder} dbname=postgres")
            server.sql("create role reader login")
            yield server
        finally:
            run([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_somebody(folder: Path) -> Callable[[list[object]], None]:
    """How to run a program as a user that is not root, whom PostgreSQL refuses."""
    user: dict[str, object] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    folder.chmod(0o755)

    def run(command: list[object]) -> None:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            # the server keeps what pg_ctl has open, so a pipe would never end
            stderr=(folder / "errors").open("a"),
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
            timeout=120,
            check=False,
            **user,
        )
        assert done.returncode == 0, (folder / "errors").read_text("utf-8")

    return run


def expected(version: Version) -> dict[str, list[str | int | None]]:
    """Rows and totals of each table, as publication.json has them."""
    return {
        table: [told["rows"], *told["totals"].values()]
        for table, told in version.publication["tables"].items()
    }


def totals_sql(version: Version, table: str, text: str = "varchar") -> str:
    """The query that gives the same of one table, in the SQL that all clients take."""
    names = version.publication["tables"][table]["totals"]
    sums = "".join(f", cast(sum({name}) as {text})" for name in names)
    return f"select count(*){sums} from marts.{table}"
