"""What is published is whole, changes at once, stays when a build does not, and can go back."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from kpi_warehouse.errors import UserError
from kpi_warehouse.published import find_published, reading
from kpi_warehouse.publishing import Build, Store, publishing
from kpi_warehouse.publishing.command import list_publications, roll_back
from kpi_warehouse.publishing.revisions import contract
from kpi_warehouse.publishing.write import git_commit
from kpi_warehouse.settings import PROJECT_DIR, Settings
from published_marts import AS_OF, CALLS, NOON, publish, warehouse


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "published")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    return warehouse(tmp_path / "built.duckdb")


def calls_of(store: Store) -> int:
    with duckdb.connect(str(store.current.database), read_only=True) as connection:
        return connection.execute("select count(*) from marts.fct_activities").fetchone()[0]


def snapshot(folder: Path) -> dict[str, str]:
    """Every visible file and link below a folder, and what it holds."""
    return {
        str(path.relative_to(folder)): (
            os.readlink(path)  # noqa: PTH115
            if path.is_symlink()
            else hashlib.sha256(path.read_bytes()).hexdigest()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or (path.is_file() and path.name != ".lock")
    }


def test_a_version_holds_the_marts_and_nothing_else(store, built):
    published = publish(store, built)
    version = store.current
    assert version.name == published.version.name == "20260916T030000Z"
    assert {path.name for path in version.folder.iterdir()} == {
        *("kpi_warehouse.duckdb", "parquet", "registry", "publication.json", "agreement.json")
    }
    with duckdb.connect(str(version.database), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() order by all"
        ).fetchall()
        assert tables == [
            ("marts", name)
            for name in (
                *("fct_activities", "fct_leads", "kpi_by_channel_period", "kpi_by_period"),
                "kpi_revisions",
            )
        ]
        columns = connection.execute("describe marts.kpi_revisions").fetchall()
    promised = {"varchar": "VARCHAR", "decimal(18,2)": "DECIMAL(18,2)"}
    assert {name: kind for name, kind, *_ in columns} == {
        name: promised.get(kind, kind.upper()) for name, kind in contract().items()
    }
    parquet = sorted(path.stem for path in (version.folder / "parquet").iterdir())
    assert parquet == [table for _, table in tables]


def test_the_file_is_of_a_format_that_older_clients_read(store, built):
    publish(store, built)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{store.current.database}' as published (read_only)")
        (tags,) = connection.execute(
            "select tags from duckdb_databases() where database_name = 'published'"
        ).fetchone()
    assert tags["storage_version"].startswith("v1.4.0")


def test_the_publication_says_what_is_in_it(store, built):
    publish(store, built)
    told = json.loads((store.current.folder / "publication.json").read_text("utf-8"))
    assert told["published_at"] == "2026-09-16T03:00:00+00:00"
    assert told["as_of_date"] == "2026-09-15"
    assert told["tables"]["fct_activities"] == {"rows": 5, "totals": {}}
    assert told["tables"]["kpi_by_period"]["totals"] == {
        "numerator": "16.00",
        "denominator": "10.00",
    }
    assert told["months_first_published"] == {
        "2026-07-01": "2026-09-16T03:00:00+00:00",
        "2026-08-01": "2026-09-16T03:00:00+00:00",
    }
    lock = PROJECT_DIR / "seeds" / "registry" / "definitions.lock.json"
    assert told["definitions_lock_sha256"] == hashlib.sha256(lock.read_bytes()).hexdigest()
    assert git_commit(store.folder) is None


def test_parquet_and_duckdb_hold_the_same(store, built):
    publish(store, built)
    version = store.current
    with duckdb.connect(str(version.database), read_only=True) as connection:
        for table, told in version.publication["tables"].items():
            path = version.folder / "parquet" / f"{table}.parquet"
            for relation in (f"marts.{table}", f"'{path}'"):
                (rows,) = connection.execute(f"select count(*) from {relation}").fetchone()
                assert rows == told["rows"]
                for column, total in told["totals"].items():
                    (found,) = connection.execute(
                        f"select sum({column}) from {relation}"
                    ).fetchone()
                    assert (None if found is None else str(found)) == total


def test_names_go_forward_whatever_the_clock_does(store, built):
    names = [publish(store, built, days=days).version.name for days in (0, 0, -3, 1)]
    assert names == [
        *("20260916T030000Z", "20260916T030000Z-2", "20260916T030000Z-3", "20260917T030000Z")
    ]
    # more than nine in a second are still in order
    for number in range(2, 13):
        shutil.copytree(
            store.current.folder, store.current.folder.with_name(f"{names[3]}-{number}")
        )
    assert publish(store, built, days=1).version.name == "20260917T030000Z-13"


def test_the_last_versions_stay_and_the_current_one_always(store, built):
    names = [publish(store, built, days=day).version.name for day in range(4)]
    with store.writing():
        store.roll_back(names[0])
        store.prune(2)
    assert [each.name for each in store.versions] == [names[0], *names[2:]]
    assert publish(store, built, days=9, keep=1).removed == [names[0], *names[2:]]
    assert len(store.versions) == 1


def test_a_reader_keeps_what_it_has_open(store, built, tmp_path):
    publish(store, built)
    with duckdb.connect(str(store.current.database), read_only=True) as reader:
        publish(store, warehouse(tmp_path / "next.duckdb", CALLS[:2]), days=1, keep=1)
        assert reader.execute("select count(*) from marts.fct_activities").fetchone() == (5,)
    assert calls_of(store) == 2


def test_a_build_that_does_not_come_to_its_end_changes_nothing(store, built):
    publish(store, built)
    before = snapshot(store.folder)
    with store.writing(), publishing(store, Build(built, AS_OF), 5, NOON):
        pass
    assert snapshot(store.folder) == before

    def broken() -> None:
        with store.writing(), publishing(store, Build(built, AS_OF), 5, NOON):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert snapshot(store.folder) == before


def leave_a_draft(store: Store) -> None:
    (store.folder / "versions" / ".writing" / "parquet").mkdir(parents=True)
    (store.folder / "versions" / ".writing" / "kpi_warehouse.duckdb.wal").touch()


def leave_a_version_nobody_saw(store: Store) -> None:
    folder = store.folder / "versions" / "20270101T000000Z"
    shutil.copytree(store.current.folder, folder)
    (folder / ".new").touch()


def leave_a_link(store: Store) -> None:
    (store.folder / ".current.next").symlink_to("versions/20270101T000000Z")


def leave_the_current_one_unsaid(store: Store) -> None:
    (store.current.folder / ".new").touch()


def leave_half_a_removal(store: Store) -> None:
    (store.folder / "versions" / ".removing-20200101T000000Z").mkdir()


@pytest.mark.parametrize(
    "leave",
    [
        leave_a_draft,
        leave_a_version_nobody_saw,
        leave_a_link,
        leave_the_current_one_unsaid,
        leave_half_a_removal,
    ],
)
def test_what_a_killed_build_leaves_is_no_version_and_is_cleared_away(store, built, leave):
    first = publish(store, built).version.name
    before = snapshot(store.folder)
    leave(store)
    assert store.current.name == first
    assert [each.name for each in store.versions] == [first]
    with store.writing():
        assert snapshot(store.folder) == before
    second = publish(store, built, days=1).version.name
    assert [each.name for each in store.versions] == [first, second]


def test_going_back_and_forth(store, built):
    names = [publish(store, built, days=day).version.name for day in range(3)]
    with store.writing():
        before, now = store.roll_back()
    assert (before.name, now.name) == (names[2], names[1])
    assert [each.name for each in store.versions] == names
    with store.writing():
        assert store.roll_back(names[2])[1].name == store.current.name == names[2]
        with pytest.raises(UserError, match="no such version; make publications"):
            store.roll_back("20010101T000000Z")
        with pytest.raises(UserError, match="no such version"):
            store.roll_back("../../etc")
        store.roll_back(names[0])
        with pytest.raises(UserError, match="there is no earlier version"):
            store.roll_back()
    # the next one is newer than all, and compared with what is current
    following = publish(store, built, days=1)
    assert following.version.order > store.versions[-2].order
    assert following.publication["previous_version"] == names[0]


def test_a_link_to_nothing_is_mended_by_going_back(store, built):
    names = [publish(store, built, days=day).version.name for day in range(2)]
    shutil.rmtree(store.current.folder)
    assert store.current is None
    with store.writing():
        assert store.roll_back()[1].name == names[0]


@pytest.mark.parametrize("damage", ["publication.json", "agreement.json", "kpi_warehouse.duckdb"])
def test_a_damaged_version_does_not_keep_the_next_one_out(store, built, damage):
    publish(store, built)
    (store.current.folder / damage).write_text("{}")
    assert publish(store, built, days=1).publication["previous_version"] is None


def test_two_at_once_are_refused_and_the_lock_ends_with_its_process(store, built):
    with store.writing(), pytest.raises(UserError, match="another build is writing it; wait"):
        publish(store, built)
    code = (
        "import sys, time; from pathlib import Path; from kpi_warehouse.publishing import Store\n"
        "with Store(Path(sys.argv[1])).writing(): print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(store.folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(PROJECT_DIR / "scripts")},
    ) as holder:
        holder.stdout.readline()
        with pytest.raises(UserError, match="another build is writing it"):
            publish(store, built)
        holder.kill()
        holder.wait()
    publish(store, built)


def settings_of(tmp_path: Path, **more: str) -> Settings:
    return Settings.from_environment({"DATA_DIR": str(tmp_path), **more}, tmp_path)


def test_readers_get_the_current_version_by_its_own_name(store, built, tmp_path):
    settings = settings_of(tmp_path)
    lines: list[str] = []
    with pytest.raises(UserError, match="no warehouse yet"):
        find_published(settings, lines.append)
    shutil.copy(built, settings.warehouse_path)
    source = find_published(settings, lines.append)
    assert source.path == settings.warehouse_path
    assert lines == [f"nothing is published in {store.folder}: reading {settings.warehouse_path}"]

    publish(store, built)
    source = find_published(settings, lines.append)
    assert (source.path, source.as_of) == (store.current.folder, AS_OF)
    assert len(lines) == 1
    publish(store, warehouse(tmp_path / "next.duckdb", CALLS[:2]), days=1)
    with reading(source.path) as connection:
        assert connection.execute("select count(*) from marts.fct_activities").fetchone() == (5,)
        # the registry's words stand beside the marts, in their own schema
        assert connection.execute("from seeds.kpi_departments").fetchall() == [(1,)]
        with pytest.raises(duckdb.Error, match="only delete from base table"):
            connection.execute("delete from marts.fct_activities")
    with (
        pytest.raises(UserError, match="not a warehouse of this project"),
        reading(source.path) as c,
    ):
        c.execute("from marts.none")


def test_a_second_warehouse_is_no_version_of_the_first(tmp_path):
    assert settings_of(tmp_path).publish_dir == tmp_path / "published"
    second = settings_of(tmp_path, WAREHOUSE_PATH="second.duckdb")
    assert second.publish_dir == tmp_path / "second.published"
    named = settings_of(tmp_path, WAREHOUSE_PATH="second.duckdb", PUBLISH_DIR="here")
    assert named.publish_dir == tmp_path / "here"


@pytest.mark.parametrize("text", ["0", "1001", "five", "-1", "9" * 5000])
def test_a_number_of_versions_that_is_none_is_refused(tmp_path, text):
    with pytest.raises(UserError, match="PUBLISH_KEEP: not a number of versions"):
        settings_of(tmp_path, PUBLISH_KEEP=text)


def test_the_commands_say_what_is_current(store, built, tmp_path):
    settings = settings_of(tmp_path)
    lines: list[str] = []
    for command in (list_publications, lambda settings, say: roll_back(settings, None, say)):
        with pytest.raises(UserError, match="nothing is published yet"):
            command(settings, lines.append)
    names = [publish(store, built, days=day).version.name for day in range(2)]
    list_publications(settings, lines.append)
    assert [line.split()[:2] for line in lines[3:]] == [["→", names[1]], [names[0], "2026-09-16"]]
    lines.clear()
    roll_back(settings, None, lines.append)
    assert lines[0] == f"公開中 Current: {names[0]} (before: {names[1]})"
    assert lines[1].endswith("/published/current/kpi_warehouse.duckdb")
    assert names[1] in lines[2]
    lines.clear()
    roll_back(settings, names[0], lines.append)
    assert lines[0] == f"公開中 Current: {names[0]}, as it was"


def test_no_room_is_one_line_and_leaves_everything_as_it_was(store, built, tmp_path):
    publish(store, built)
    before = snapshot(store.folder)
    code = (
        "import resource, sys; sys.path.insert(0, 'tests')\n"
        "from pathlib import Path; from kpi_warehouse.errors import run_command\n"
        "from kpi_warehouse.publishing import Store; from published_marts import publish\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)\n"
        "store, built = Store(Path(sys.argv[1])), Path(sys.argv[2])\n"
        "sys.exit(run_command(lambda: publish(store, built, days=1)))"
    )
    for size in (0, 100_000, 700_000):
        done = subprocess.run(
            [sys.executable, "-c", code, str(store.folder), str(built), str(size)],
            capture_output=True,
            encoding="utf-8",
            cwd=PROJECT_DIR,
            env={**os.environ, "PYTHONPATH": str(PROJECT_DIR / "scripts")},
            check=False,
        )
        assert done.returncode == 2, done.stderr
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"error: {store.folder}")
        assert snapshot(store.folder) == before
    publish(store, built, days=1)


def test_the_month_of_a_version_is_the_first_that_had_it(store, built, tmp_path):
    publish(store, built)
    later = publish(store, built, as_of=date(2026, 9, 16), days=1)
    months = later.publication["months_first_published"]
    assert set(months.values()) == {datetime(2026, 9, 16, 3, tzinfo=UTC).isoformat()}
