"""The copy in PostgreSQL equals what is published, changes at once, and stays when one fails."""

from __future__ import annotations

import sys
import threading

import duckdb
import pytest

from clients.conftest import Server, expected, totals_sql
from kpi_warehouse.errors import UserError
from kpi_warehouse.publishing import Store, Version
from kpi_warehouse.publishing.command import roll_back
from kpi_warehouse.publishing.postgres import check_postgres, copy_to_postgres
from kpi_warehouse.settings import Settings
from needs import needs
from published_marts import CALLS, publish, warehouse


@pytest.fixture
def where(server: Server) -> str:
    return f"{server.where} user=owner"


@pytest.fixture
def copied(server: Server, where: str, version: Version) -> Version:
    copy_to_postgres(version, where, "reader")
    return version


def test_totals_are_equal_for_the_role_that_may_read(server, copied):
    found = {
        table: list(server.sql(totals_sql(copied, table, "text"), "reader")[0])
        for table in expected(copied)
    }
    assert found == expected(copied)
    import psycopg

    for statement in (
        "insert into marts.fct_leads default values",
        "drop table marts.fct_leads",
        "create table marts.mine (x int)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            server.sql(statement, "reader")


def test_every_value_of_every_type_is_the_same(server, copied):
    for table in expected(copied):
        with duckdb.connect(str(copied.database), read_only=True) as connection:
            published = connection.execute(f"from marts.{table}").fetchall()
        assert sorted(server.sql(f"select * from marts.{table}"), key=str) == sorted(
            published, key=str
        )
    types = dict(
        server.sql(
            "select column_name, format_type(atttypid, atttypmod) from information_schema.columns "
            "join pg_attribute on attname = column_name "
            "and attrelid = 'marts.every_type'::regclass "
            "where table_schema = 'marts' and table_name = 'every_type'"
        )
    )
    assert types == {
        "a_bigint": "bigint",
        "an_integer": "integer",
        "a_double": "double precision",
        "a_boolean": "boolean",
        "a_date": "date",
        "a_timestamp": "timestamp without time zone",
        "a_text": "text",
        "an_amount": "numeric(18,2)",
        "a_goal": "numeric(18,6)",
    }


def test_keys_have_indexes_and_the_schema_says_its_version(server, copied):
    indexed = server.sql(
        "select tablename, indexdef from pg_indexes where schemaname = 'marts' order by 1"
    )
    assert any(table == "kpi_by_period" and "(kpi_id)" in text for table, text in indexed)
    assert server.sql("select obj_description('marts'::regnamespace)") == [
        (f"version {copied.name}",)
    ]


def schemas(server: Server) -> list[str]:
    return [
        name
        for (name,) in server.sql(
            "select nspname from pg_namespace where nspname like 'marts%' order by 1"
        )
    ]


def test_a_copy_that_fails_leaves_the_one_of_before(server, where, copied, tmp_path):
    before = server.sql("select * from marts.kpi_by_period order by 1, 2, 3, 4, 5")
    database = warehouse(tmp_path / "next.duckdb", CALLS[:2])
    store = Store(tmp_path / "published")
    other = publish(store, database).version
    # rows that are not what publication.json says, found after most tables are filled
    other.publication["tables"]["kpi_revisions"]["rows"] = 7
    with pytest.raises(UserError, match="copy of kpi_revisions is not equal"):
        copy_to_postgres(other, where)
    with pytest.raises(UserError, match=r"PostgreSQL refused the copy .*nobody_such"):
        copy_to_postgres(copied, where, "nobody_such")
    assert server.sql("select * from marts.kpi_by_period order by 1, 2, 3, 4, 5") == before
    assert schemas(server) == ["marts"]
    assert server.sql("select has_schema_privilege('reader', 'marts', 'usage')") == [(True,)]


def test_readers_see_one_version_or_the_next(server, where, store, tmp_path):
    """Readers in one snapshot each: rows of two tables always fit together."""
    copy_to_postgres(store.current, where, "reader")
    other_store = Store(tmp_path / "published")
    other = publish(other_store, warehouse(tmp_path / "next.duckdb", CALLS[:2])).version
    fitting = {(5, "16.00"), (2, "6.00")}
    found: set[tuple] = set()
    errors: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                found.update(
                    server.sql(
                        "select (select count(*) from marts.fct_activities)::int, "
                        "(select sum(numerator)::text from marts.kpi_by_period)",
                        "reader",
                    )
                )
        except BaseException as error:
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(3):
        for version in (other, store.current):
            copy_to_postgres(version, where, "reader")
    done.set()
    for reader in readers:
        reader.join()
    assert not errors
    assert found <= fitting
    assert found


def test_a_rollback_takes_the_copy_back(server, where, tmp_path):
    settings = Settings.from_environment(
        {"DATA_DIR": str(tmp_path), "PUBLISH_POSTGRES": where}, tmp_path
    )
    store = Store(settings.publish_dir)
    for days, calls in enumerate((CALLS, CALLS[:2])):
        version = publish(store, warehouse(tmp_path / "built.duckdb", calls), days=days).version
    copy_to_postgres(version, where)
    assert server.sql("select count(*) from marts.fct_activities") == [(2,)]
    roll_back(settings, None, lambda line: None)
    assert server.sql("select count(*) from marts.fct_activities") == [(5,)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "not a connection string"),
        ("host=x password=geheim", "holds a password; take it out"),
        ("postgresql://a:geheim@x/y", "holds a password; take it out"),
        ("host=/nowhere dbname=x", "PostgreSQL cannot be reached"),
    ],
)
def test_a_setting_that_does_not_work_is_one_line_without_a_secret(text, message):
    needs("psycopg")
    with pytest.raises(UserError, match=message) as raised:
        check_postgres(text)
    assert "geheim" not in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_without_psycopg_one_line_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match="psycopg is not installed; run make env-postgres"):
        check_postgres("host=x")
