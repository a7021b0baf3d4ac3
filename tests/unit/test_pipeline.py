"""Publication is all or nothing, and one build at a time."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from kpi_warehouse import dbt_build, pipeline, world
from kpi_warehouse.errors import BuildError, UserError, run_command
from kpi_warehouse.settings import Settings


def database(path: Path, value: int) -> Path:
    """A file with a value, and what publishing has to find in a warehouse."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create table content as select {value} as value")
        connection.execute("create schema marts")
        for mart in ("kpi_by_period", "kpi_by_channel_period"):
            connection.execute(
                f"""
                create table marts.{mart} as
                select
                    'calls_made' as kpi_id, 'dm' as channel_id, 'event' as basis,
                    'month' as period_grain, date '2025-03-01' as period_start,
                    date '2025-03-31' as period_end, {value}::decimal(18, 2) as numerator,
                    null::decimal(18, 2) as denominator, {value}::double as value,
                    1 as definition_version, false as is_mixed_version, true as is_complete,
                    true as is_mature
                """
            )
    return path


def content(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute("select value from content").fetchone()[0]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    extracts = tmp_path / "extracts" / "generic"
    extracts.mkdir(parents=True)
    (extracts / "leads.csv").write_text("lead_id,created_at\nL1,2025-04-01\n")
    variables = {"EXTRACTS_DIR": "extracts", "DATA_DIR": "data", "AS_OF_DATE": "2025-04-30"}
    return Settings.from_environment(variables, tmp_path)


@pytest.fixture
def dbt(monkeypatch):
    """Stands for dbt: writes the private file, then does what the test says."""
    calls = []

    def fake(environment, work_dir, say):
        calls.append(environment)
        database(Path(environment["WAREHOUSE_PATH"]), len(calls))
        if errors:
            raise errors.pop()
        return dbt_build.DbtOutcome(1, ("a test warned",))

    errors: list[Exception] = []
    monkeypatch.setattr(dbt_build, "run_dbt_build", fake)
    monkeypatch.setattr(pipeline, "print_summary", lambda *_: None)
    fake.calls, fake.errors = calls, errors
    return fake


def test_a_build_is_published_without_leftovers(settings, dbt):
    lines: list[str] = []
    pipeline.build(settings, lines.append)
    pipeline.build(settings, lines.append)
    assert content(settings.warehouse_path) == 2
    visible = {path.name for path in settings.data_dir.iterdir() if path.name[0] != "."}
    assert visible == {"landing", "published", "warehouse.duckdb"}
    assert "  warning: a test warned" in lines


def test_dbt_is_told_where_everything_is(settings, dbt, tmp_path):
    pipeline.build(settings, print)
    assert dbt.calls[0] == {
        "AS_OF_DATE": "2025-04-30",
        "DATA_DIR": str(tmp_path / "data"),
        "DUCKDB_MEMORY_LIMIT": "4GB",
        "EXTRACTS_DIR": str(tmp_path / "extracts"),
        "RESTATE_HISTORY": "0",
        "UNMAPPED_SEVERITY": "warn",
        "WAREHOUSE_PATH": str(tmp_path / "data" / "warehouse.building.duckdb"),
    }


def test_a_failed_build_keeps_the_warehouse_of_before_and_itself_for_looking(settings, dbt):
    pipeline.build(settings, print)
    before = settings.warehouse_path.read_bytes()
    dbt.errors.append(BuildError("1 of 9 steps failed", ["unique_x: 3 results"]))
    with pytest.raises(BuildError) as raised:
        pipeline.build(settings, print)
    failed = settings.data_dir / "warehouse.failed.duckdb"
    assert raised.value.findings == ["unique_x: 3 results", f"what was built is in {failed}"]
    assert settings.warehouse_path.read_bytes() == before
    assert content(failed) == 2
    assert not (settings.data_dir / "warehouse.building.duckdb").exists()

    pipeline.build(settings, print)
    assert content(settings.warehouse_path) == 3
    assert not failed.exists()


def test_the_log_of_a_killed_writer_does_not_spoil_the_new_warehouse(tmp_path):
    written = database(tmp_path / "written.duckdb", 1)
    warehouse = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(written)) as connection:
        connection.execute("insert into content values (7)")
        for suffix in ("", ".wal"):
            copied = Path(f"{warehouse}{suffix}")
            copied.write_bytes(Path(f"{written}{suffix}").read_bytes())
    private = database(tmp_path / "warehouse.building.duckdb", 2)
    pipeline.put_in_place(private, warehouse)
    assert content(warehouse) == 2
    assert not (tmp_path / "warehouse.duckdb.wal").exists()


def test_readers_keep_what_they_have_open(tmp_path):
    warehouse = database(tmp_path / "warehouse.duckdb", 1)
    private = database(tmp_path / "warehouse.building.duckdb", 2)
    with duckdb.connect(str(warehouse), read_only=True) as reader:
        pipeline.put_in_place(private, warehouse)
        assert reader.execute("select value from content").fetchall() == [(1,)]
    assert content(warehouse) == 2


@pytest.mark.parametrize("name", ["marts.duckdb", "staging.v2.duckdb", ".main"])
def test_a_warehouse_is_not_named_like_a_schema(settings, tmp_path, name):
    with pytest.raises(UserError, match="hides the schema"):
        pipeline.build(replace(settings, warehouse_path=tmp_path / name), print)


def test_a_file_that_is_no_warehouse_is_not_replaced(settings, tmp_path):
    precious = tmp_path / "report.txt"
    precious.write_text("precious" * 1000)
    with pytest.raises(UserError, match="cannot be opened as a DuckDB file"):
        pipeline.build(replace(settings, warehouse_path=precious), print)
    assert precious.read_text().startswith("precious")


def test_two_builds_of_one_data_folder_do_not_run_at_once(settings, dbt):
    def second_build(line: str) -> None:
        if line.startswith("landed"):
            with pytest.raises(UserError, match="another build is writing it"):
                pipeline.build(settings, print)
            seen.append(line)

    seen: list[str] = []
    pipeline.build(settings, second_build)
    assert seen


def test_a_sample_is_made_in_the_default_folder_if_that_is_empty(
    settings, dbt, tmp_path, monkeypatch
):
    def write_sample(out):
        (out / "generic" / "leads.csv").write_text("lead_id,created_at\n")
        (out / "sample.json").write_text('{"as_of_date": "2026-09-30"}')

    monkeypatch.setattr(world, "write_sample", write_sample)
    extracts = tmp_path / "default" / "extracts"
    empty = replace(settings, extracts_dir=extracts, extracts_are_default=True, as_of_date=None)
    (extracts / "generic").mkdir(parents=True)
    pipeline.build(empty, print)
    assert dbt.calls[0]["AS_OF_DATE"] == "2026-09-30"

    monkeypatch.delattr(world, "write_sample")
    pipeline.build(empty, print)


def test_no_sample_is_made_in_a_folder_that_the_caller_chose(settings, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no file of a known object"):
        pipeline.build(replace(settings, extracts_dir=tmp_path / "empty"), print)


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (None, 0, ""),
        (UserError("is\nwrong", "here", "mend it"), 2, "error: here: is wrong; mend it\n"),
        (BuildError("2 failed", ["a: x\ny", "b"]), 1, "error: 2 failed\n  a: x y\n  b\n"),
        (KeyboardInterrupt(), 130, "interrupted; run the command again to go on\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/disk/x"),
            2,
            "error: /disk/x: No space left on device; mend it and retry\n",
        ),
    ],
)
def test_commands_end_with_a_line_and_a_code(error, code, shown, capsys):
    def command() -> None:
        if error:
            raise error

    assert run_command(command) == code
    assert capsys.readouterr().err == shown


def test_a_defect_keeps_its_traceback():
    def command() -> None:
        raise FileNotFoundError(errno.ENOENT, "a defect of ours")

    with pytest.raises(FileNotFoundError):
        run_command(command)


def test_nothing_is_built_from_a_registry_with_defects(settings, dbt, capsys, monkeypatch):
    monkeypatch.setattr(pipeline, "registry_problems", lambda folder: ["x version 2: a gap"])
    with pytest.raises(UserError, match="seeds/registry: has a defect; mend what the lines above"):
        pipeline.build(settings, print)
    assert "x version 2: a gap" in capsys.readouterr().out
    assert dbt.calls == []
    assert not settings.landing_dir.exists()
