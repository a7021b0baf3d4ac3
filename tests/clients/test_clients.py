"""What analysts read the published file with gives the same rows and totals."""

from __future__ import annotations

import subprocess
import sys

import duckdb

from clients.conftest import expected, totals_sql
from needs import needs


def test_duckdb(version):
    with duckdb.connect(str(version.database), read_only=True) as connection:
        found = {
            table: list(connection.execute(totals_sql(version, table)).fetchone())
            for table in expected(version)
        }
    assert len(found) > 5
    assert found == expected(version)


def test_duckdb_by_way_of_current(store, version):
    """The path that stays the same; a second process opens it while this one has it open."""
    path = store.folder / "current" / version.database.name
    with duckdb.connect(str(path), read_only=True):
        code = (
            "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True)"
            ".execute('select count(*) from marts.fct_activities').fetchone()[0])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)],
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
    assert int(done.stdout) == expected(version)["fct_activities"][0]


def test_adbc(version):
    needs("adbc_driver_manager")
    from adbc_driver_duckdb import dbapi

    with dbapi.connect(str(version.database)) as connection, connection.cursor() as cursor:
        found = {}
        for table in expected(version):
            cursor.execute(totals_sql(version, table))
            found[table] = list(cursor.fetchone())
    assert found == expected(version)


def test_sqlalchemy(version):
    needs("duckdb_engine")
    import sqlalchemy

    engine = sqlalchemy.create_engine(
        f"duckdb:///{version.database}", connect_args={"read_only": True}
    )
    with engine.connect() as connection:
        found = {
            table: list(connection.execute(sqlalchemy.text(totals_sql(version, table))).one())
            for table in expected(version)
        }
        # what a BI tool asks first
        assert set(sqlalchemy.inspect(engine).get_table_names(schema="marts")) == set(found)
    engine.dispose()
    assert found == expected(version)


def test_polars_reads_the_parquet_files(version):
    import polars as pl

    for table, (rows, *_) in expected(version).items():
        assert pl.read_parquet(version.folder / "parquet" / f"{table}.parquet").height == rows
