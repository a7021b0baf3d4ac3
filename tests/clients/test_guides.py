"""What the guides for analysts show runs as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from clients.conftest import Server
from guides import BI_TOOLS, READ_THE_MARTS, queries, snippets, table_rows
from kpi_warehouse.publishing.postgres import copy_to_postgres
from needs import needs

BASE_QUERY = next(sql for sql in queries(BI_TOOLS) if "definitions.statistic is null" in sql)
PYTHON = snippets("python", READ_THE_MARTS)
ROLE = next(sql for sql in snippets("sql", BI_TOOLS) if sql.startswith("create role"))


@pytest.fixture
def folder(store, tmp_path: Path) -> Path:
    """A folder with the data where the guide says they are."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "published").symlink_to(store.folder)
    return tmp_path


@pytest.fixture(scope="module")
def reader(server: Server, store) -> str:
    """The role that the guide makes, and a copy that it may read."""
    server.sql(ROLE)
    copy_to_postgres(store.current, f"{server.where} user=owner", "bi_reader")
    return "bi_reader"


def run(command: list[str], folder: Path, **environment: str) -> str:
    """Run a program in a folder and return what it prints."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("code", [code for code in PYTHON if "psycopg" not in code])
def test_python(code, folder):
    for word, module in (("adbc", "adbc_driver_manager"), ("sqlalchemy", "duckdb_engine")):
        if word in code:
            needs(module)
    assert run([sys.executable, "-c", code], folder)


def test_python_with_postgresql(server, reader, tmp_path):
    (code,) = [code for code in PYTHON if "psycopg" in code]
    where = {"PGHOST": str(server.folder), "PGUSER": reader, "PGDATABASE": "postgres"}
    assert run([sys.executable, "-c", code], tmp_path, **where)


@pytest.mark.parametrize("command", snippets("shell", READ_THE_MARTS))
def test_the_command_line_of_duckdb(command, folder):
    beside = Path(sys.executable).with_name("duckdb")
    program = str(beside) if beside.is_file() else shutil.which("duckdb")
    if program is None:
        pytest.skip("DuckDB's command line is not installed; pip install duckdb-cli")
    path = os.pathsep.join([str(Path(program).parent), os.environ.get("PATH", "")])
    printed = run(["sh", "-c", command], folder, PATH=path)
    files = [file.read_text("utf-8") for file in folder.glob("*.csv")]
    assert "発信した件数" in printed or "0.5" in "".join(files)


@pytest.mark.parametrize("sql", queries(READ_THE_MARTS, BI_TOOLS))
def test_sql_with_duckdb(sql, version):
    with duckdb.connect(str(version.database), read_only=True) as connection:
        assert connection.execute(sql).fetchall()


@pytest.mark.parametrize("sql", queries(READ_THE_MARTS, BI_TOOLS))
def test_sql_with_postgresql(sql, server, reader, version):
    with duckdb.connect(str(version.database), read_only=True) as connection:
        cursor = connection.execute(sql)
        names = [column[0] for column in cursor.description]
        expected = cursor.fetchall()
    found = server.sql(sql, reader)
    assert len(found) == len(expected)
    # one divides decimals exactly, the other as floating point numbers
    exact = [index for index, name in enumerate(names) if "rate" not in name]
    assert sorted((tuple(row[i] for i in exact) for row in found), key=str) == sorted(
        (tuple(row[i] for i in exact) for row in expected), key=str
    )


def test_postgresql_says_its_version(server, reader, version):
    (sql,) = [sql for sql in snippets("sql", BI_TOOLS) if "obj_description" in sql]
    assert server.sql(sql, reader) == [(f"version {version.name}",)]


def test_the_role_for_bi_tools_can_only_read(server, reader):
    import psycopg

    assert server.sql("select count(*) > 0 from kpi_by_period", reader) == [(True,)]
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        server.sql("create temporary table mine (x int)", reader)


def test_the_address_for_superset_reads_and_does_not_write(folder):
    needs("duckdb_engine")
    address = re.search(r"duckdb:////srv/kpi/(\S+)", BI_TOOLS.read_text("utf-8"))[1]
    code = f"""
import sqlalchemy
engine = sqlalchemy.create_engine("duckdb:///{folder}/{address}")
with engine.connect() as connection:
    print(connection.execute(sqlalchemy.text("select count(*) from marts.fct_leads")).scalar())
    try:
        connection.execute(sqlalchemy.text("create table marts.mine as select 1 as x"))
    except sqlalchemy.exc.DBAPIError as error:
        print("refused", "read-only" in str(error))
"""
    assert run([sys.executable, "-c", code], folder).split() == ["2", "refused", "True"]


def test_the_metric_for_superset_adds_up_before_it_divides(server, reader, version):
    formulas = {row[0]: row[2].strip("`") for row in table_rows(BI_TOOLS.read_text("utf-8"))}
    metric = formulas["Superset"]
    sql = f"""
        select channel_id, {metric} as rate
        from ({BASE_QUERY}) as dataset
        where kpi_id = 'connection_rate'
        group by channel_id
        order by channel_id
    """
    # dm: two of three calls in July to September, webinar: one of two
    with duckdb.connect(str(version.database), read_only=True) as connection:
        with_duckdb = connection.execute(sql).fetchall()
    for found in (with_duckdb, server.sql(sql, reader)):
        assert [(channel, round(float(rate), 6)) for channel, rate in found] == [
            ("dm", 0.666667),
            ("webinar", 0.5),
        ]
