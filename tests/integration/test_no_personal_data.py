"""No name, address, number, company or memo of the world leaves the warehouse's inside.

Neither from clean rows nor from damaged ones, of which findings and messages speak: marts,
findings, dbt's files, what the commands print, the KPI sheet, and the Data Docs if there are any.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pytest

from integration.personal_data import PersonalData
from kpi_warehouse.dbt_build import run_dbt_build
from kpi_warehouse.errors import EXIT_BUILD_FAILED, BuildError
from kpi_warehouse.world import WorldLog, WorldOptions, simulate, write_sample
from kpi_warehouse.world.writers.identities import PHONE_SPELLINGS, spelled
from kpi_warehouse.world.writers.native_people import FAMILY_NAMES, main_lines
from workbench import put_on_workbench

PROJECT = Path(__file__).resolve().parents[2]
WORLD = WorldOptions(seed=4, activities=2_000)
EXTRACT_FOLDERS = ("salesforce", "miitel", "sendgrid")


@dataclass(frozen=True)
class Run:
    """A command that was run, and all that it printed."""

    code: int
    output: str


@dataclass(frozen=True)
class DirtyBuild:
    """A world with damaged rows, and what was made of it."""

    log: WorldLog
    data_dir: Path
    runs: dict[str, Run]

    @property
    def warehouse(self) -> Path:
        return self.data_dir / "warehouse.duckdb"


def run_script(name: str, data_dir: Path, **variables: str) -> Run:
    """Run a command of the project on the world's folder."""
    bench = put_on_workbench(data_dir)
    environment = (
        os.environ
        | variables
        | {
            "EXTRACTS_DIR": str(data_dir / "extracts"),
            "DATA_DIR": str(bench),
            "WAREHOUSE_PATH": str(bench / "warehouse.duckdb"),
        }
    )
    done = subprocess.run(
        [sys.executable, str(PROJECT / "scripts" / name)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    return Run(done.returncode, done.stdout + done.stderr)


def run_strict_test(data_dir: Path) -> Run:
    """What STRICT=1 makes fail: the codes that nobody mapped, in messages and in dbt's log."""
    bench = put_on_workbench(data_dir)
    environment = {
        "AS_OF_DATE": WORLD.as_of_date.isoformat(),
        "DATA_DIR": str(bench),
        "WAREHOUSE_PATH": str(bench / "warehouse.duckdb"),
        "UNMAPPED_SEVERITY": "error",
    }
    arguments = ("test", "--select", "test_type:singular")
    try:
        run_dbt_build(environment, data_dir / "dbt", lambda line: None, arguments)
    except BuildError as error:
        return Run(EXIT_BUILD_FAILED, "\n".join([str(error), *error.findings]))
    return Run(0, "")


def damage(extracts: Path) -> int:
    """Adds damaged copies of real rows to every large file; returns how many.

    A time that is none, a row with a cell too many, one with too few, one whose key is empty, one
    in another encoding; of JSON lines one that is cut off, and one whose time is a name.
    """
    added = 0
    for path in sorted(p for name in EXTRACT_FOLDERS for p in (extracts / name).iterdir()):
        content = path.read_bytes()
        lines = content.split(b"\n")
        if len(lines) < 8:
            continue
        person = FAMILY_NAMES[0].encode("cp932" if "履歴" in path.name else "utf-8")
        sound = lines[-3]
        if path.suffix == ".jsonl":
            bad = [sound[: len(sound) // 2], sound.replace(b'"timestamp":', b'"timestamp":"x",')]
            bad.append(b'{"sg_event_id":"' + person + b'","timestamp":"' + person + b'"}')
        else:
            comma = b'","' if sound.startswith(b'"') else b","
            cells = sound.split(comma)
            dated = [person if cell.count(b":") > 1 else cell for cell in cells]
            keyless = [b'"' if cells[0].startswith(b'"') else b"", *cells[1:]]
            bad = [comma.join(dated), sound + b"," + person, cells[0] + comma + person]
            bad += [comma.join(keyless), sound.replace(b"20", "令和".encode("utf-16-le"))]
        path.write_bytes(content.rstrip(b"\n") + b"\n" + b"\n".join(bad) + b"\n")
        added += len(bad)
    return added


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> DirtyBuild:
    """The world as native extracts with damaged rows: built, shown, and tested to fail."""
    data_dir = tmp_path_factory.mktemp("dirty")
    log = write_sample(data_dir / "extracts", WORLD)
    assert damage(data_dir / "extracts") > 50
    runs = {"build": run_script("build.py", data_dir)}
    runs["failing test"] = run_strict_test(data_dir)
    runs["kpi_sheet"] = run_script("kpi_sheet.py", data_dir)
    quality = PROJECT / "scripts" / "quality.py"
    if quality.exists():
        runs["quality"] = run_script(quality.name, data_dir)
    return DirtyBuild(log, data_dir, runs)


@pytest.fixture(scope="module")
def personal(dirty: DirtyBuild) -> PersonalData:
    return PersonalData(dirty.log)


def test_the_damaged_rows_are_found(dirty: DirtyBuild) -> None:
    """Else the scans below would scan nothing."""
    assert dirty.runs["build"].code == 0, dirty.runs["build"].output[-2_000:]
    with duckdb.connect(str(dirty.warehouse), read_only=True) as connection:
        rules = connection.sql(
            "select rule, count(*) from marts.data_quality_findings group by 1"
        ).fetchall()
    assert sum(count for _, count in rules) > 50
    assert len(rules) > 5
    assert dirty.runs["failing test"].code == EXIT_BUILD_FAILED


def test_no_mart_holds_any(dirty: DirtyBuild, personal: PersonalData) -> None:
    with duckdb.connect(str(dirty.warehouse), read_only=True) as connection:
        assert personal.in_tables(connection, "marts") == []


def test_no_message_holds_any(dirty: DirtyBuild, personal: PersonalData) -> None:
    for name, run in dirty.runs.items():
        assert len(run.output) > 40, name
        assert personal.in_texts(name, [run.output]) == []


@pytest.mark.parametrize("folder", ["dbt", "kpi_sheet"])
def test_no_file_beside_the_data_holds_any(
    dirty: DirtyBuild, personal: PersonalData, folder: str
) -> None:
    """dbt's log, compiled models and results; workbook and page of the KPI sheet."""
    assert any((dirty.data_dir / folder).rglob("*"))
    assert personal.in_files(dirty.data_dir / folder) == []


def test_no_data_docs_hold_any(dirty: DirtyBuild, personal: PersonalData) -> None:
    docs = dirty.data_dir / "quality"
    if not docs.exists():
        pytest.skip("no Data Docs were made")
    assert any(docs.rglob("*.html"))
    assert personal.in_files(docs) == []


def test_the_world_s_own_extracts_are_full_of_it(dirty: DirtyBuild, personal: PersonalData) -> None:
    """The scan finds every kind where it truly is."""
    leaks = personal.in_files(dirty.data_dir / "extracts" / "salesforce")
    assert {leak.kind for leak in leaks} == {"name", "address", "number", "company", "memo"}


def test_a_planted_piece_is_found_in_every_form(tmp_path: Path) -> None:
    log = simulate(WORLD)
    personal = PersonalData(log)
    phone = log.leads["phone"][17]
    forms = spelled(pl.Series([phone] * len(PHONE_SPELLINGS)), pl.Series(range(6)).to_numpy())
    planted = [
        *forms,
        f"{forms[1]} (内線123)",
        main_lines(log)["main_line"][0],
        log.leads["email"][3].upper(),
        "someone-m1@elsewhere.example.jp",
        "rep01001@hq.example.jp",
        f"row 3: {FAMILY_NAMES[5]} is no date",
        log.leads["company"][40],
        log.leads["company"][40].replace("株式会社", ""),
        "決裁者は部長。予算は来期",
    ]
    for text in planted:
        assert personal.in_texts("planted", [f"before {text} after"]), text
        with duckdb.connect() as connection:
            connection.execute("create schema marts")
            connection.execute("create table marts.fct_things (thing_id varchar, detail varchar)")
            connection.execute(
                "insert into marts.fct_things values ('1', 'x'), ('2', ?)", [f"[{text}]"]
            )
            found = personal.in_tables(connection, "marts")
            assert {leak.place for leak in found} == {"fct_things.detail"}, text
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/dbt.log").write_text(f"could not convert {planted[0]}", encoding="utf-8")
    with zipfile.ZipFile(tmp_path / "sheet.xlsx", "w") as workbook:
        workbook.writestr("xl/sharedStrings.xml", f"<t>{planted[8]}</t>")
    found = personal.in_files(tmp_path)
    assert [leak.place for leak in found] == ["logs/dbt.log", "sheet.xlsx"]


def test_what_is_nobody_s_is_not_found() -> None:
    personal = PersonalData(simulate(WORLD))
    texts = [
        "2026-09-30 09:12:33.123456 | 1700000000000072943 | 00Q5i0Ak4zX3VRfEAL | 300000000000",
        "佐藤 陽菜, インサイドセールス部 SDRチーム, 04:13:11 [info ] 12 of 165",
        "0.123456789012, 1,000,000, 2025-04-01 2025-04-02, kpi_id=connection_rate",
    ]
    assert personal.in_texts("harmless", texts) == []
