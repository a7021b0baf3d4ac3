"""docs/guides/add-a-source.md, done to the letter in a copy of the project.

The files and rows are taken out of the guide's own code blocks, so that what the guide says is what
is tried: the new system's calls have to arrive in the facts, and nothing else may need an edit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from integration.test_guides import Copy
from kpi_warehouse.settings import PROJECT_DIR

GUIDE = PROJECT_DIR / "docs" / "guides" / "add-a-source.md"
SYSTEM = "callbox"
BLOCK = re.compile(
    r"(?P<verb>New file|Add to) `(?P<path>[^`]+)`(?:, under `(?P<under>\w+)`)?:\n\n"
    r"```\w*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
EXAMPLE = re.compile(r"^```\n(?P<header>通話番号.*)\n(?P<row>.*)\n```$", re.MULTILINE)
# further calls: the prospect's mobile rings us, nobody answers, a code without a mapping, no start
CALLS = (
    "0012345678901234568,u-1,着信,03-1111-2222,080-1111-2222,2026/4/2 0:10,,2026/4/2 0:11,",
    "0012345678901234569,u-1,発信,03-1111-2222,312345678,2026/4/2 10:00,,2026/4/2 10:01,不在",
    "0012345678901234570,u-1,発信,,,2026/4/2 11:00,2026/4/2 11:01,2026/4/2 11:02,むにゃむにゃ",
    "0012345678901234571,u-1,発信,,,,,,話せた",
)
LEADS = """lead_id,created_at,source,status,owner_id,phone
L1,2026-03-01 00:00:00,Web,新規,u-1,+81 (0)3-1234-5678
L2,2026-03-01 00:00:00,Web,新規,u-1,08011112222
"""
USERS = """user_id,name,team,department,active_from,active_to
u-1,山田,東京,インサイドセールス,,
"""

# what is looked at and the tests that no row is lost, with the copy's own code
BUILD = """
import sys
from pathlib import Path
from kpi_warehouse.dbt_build import run_dbt_build
from kpi_warehouse.landing import land, read_layouts
from kpi_warehouse.pipeline import STAGING_DIR

extracts = Path(sys.argv[1])
data = extracts / "data"
land(extracts, data / "landing", read_layouts(STAGING_DIR), lambda line: None)
environment = {
    "AS_OF_DATE": "2026-09-30",
    "DATA_DIR": str(data),
    "WAREHOUSE_PATH": str(data / "warehouse.duckdb"),
}
run_dbt_build(environment, data / "dbt", lambda line: None, [
    *("build", "--select", "+fct_activities", "+kpi_by_period", "+data_quality_findings"),
    *("--exclude", "test_type:unit", "test_type:generic", "--indirect-selection", "cautious"),
])
"""


@dataclass(frozen=True)
class Step:
    """A code block of the guide and where it goes; `under` is a key of that file."""

    verb: str
    path: str
    under: str | None
    text: str


def steps() -> list[Step]:
    """The files and rows that the guide says to add, in its order."""
    text = GUIDE.read_text("utf-8")
    return [Step(**match.groupdict()) for match in BLOCK.finditer(text)]


def follow(copy: Copy) -> None:
    """Do what the guide says, and nothing more."""
    for step in steps():
        path = copy.root / step.path
        if step.under:
            line = f"  {step.under}:\n"
            copy.edit(step.path, line, line + step.text)
        elif step.verb == "Add to":
            with path.open("a", encoding="utf-8", newline="") as file:
                file.write(step.text)
        else:
            assert not path.exists(), f"{step.path} is there already"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.text, "utf-8")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The project with the guide's system in it, and its lock renewed for the guide's reason."""
    copy = Copy(tmp_path_factory.mktemp("copy"))
    follow(copy)
    locked = copy.run("scripts/definitions.py", "--same-meaning", "callbox feeds calls as well")
    assert locked.returncode == 0, locked.stdout + locked.stderr
    return copy


@pytest.fixture(scope="module")
def built(copy: Copy, tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The warehouse of the guide's own example, a few more calls and two leads."""
    folder = tmp_path_factory.mktemp("extracts")
    example = EXAMPLE.search(GUIDE.read_text("utf-8"))
    assert example is not None
    lines = (example["header"], example["row"], *CALLS)
    _write(folder / SYSTEM / "call.csv", "\r\n".join(lines), "cp932")
    _write(folder / "generic" / "leads.csv", LEADS, "utf-8")
    _write(folder / "generic" / "users.csv", USERS, "utf-8")
    built = copy.run("-c", BUILD, str(folder))
    assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
    return duckdb.connect(str(folder / "data" / "warehouse.duckdb"), read_only=True)


def _write(path: Path, text: str, encoding: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


def test_a_system_takes_its_folder_its_mapping_rows_and_one_line() -> None:
    added = [step for step in steps() if step.verb == "New file"]
    changed = {step.path for step in steps() if step.verb == "Add to"}
    assert len(added) == 6
    assert all(step.path.startswith(f"models/staging/{SYSTEM}/") for step in added)
    rows = ("seeds/mappings/", "seeds/sources/")
    assert {path for path in changed if not path.startswith(rows)} == {"dbt_project.yml"}
    assert len(changed) == 4


def test_the_project_with_the_system_breaks_no_rule(copy: Copy) -> None:
    checked = copy.run("scripts/check_project.py")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_its_calls_are_activities(built: duckdb.DuckDBPyConnection) -> None:
    rows = built.execute(
        "select source_id, lead_id, rep_id, direction, is_connected, is_target_connected, "
        "outcome_code, strftime(occurred_at, '%d %H:%M'), strftime(activity_date, '%d') "
        f"from marts.fct_activities where source_system = '{SYSTEM}' order by source_id"
    ).fetchall()
    assert ["|".join(map(str, row)) for row in rows] == [
        "0012345678901234567|L1|u-1|outbound|True|True|target_connected|01 00:30|01",
        # just after midnight in Tokyo
        "0012345678901234568|L2|u-1|inbound|False|False|None|01 15:10|02",
        "0012345678901234569|L1|u-1|outbound|False|False|no_answer|02 01:00|02",
        "0012345678901234570|None|u-1|outbound|False|False|unmapped|02 02:00|02",
    ]


def test_its_calls_are_counted(built: duckdb.DuckDBPyConnection) -> None:
    assert built.execute(
        "select numerator from marts.kpi_by_period "
        "where kpi_id = 'calls_made' and basis = 'event' and period_grain = 'month' "
        "and period_start = date '2026-04-01'"
    ).fetchall() == [(3,)]


def test_what_could_not_be_used_is_found(built: duckdb.DuckDBPyConnection) -> None:
    found = built.execute(
        "select rule, row, detail from marts.data_quality_findings "
        f"where source_system = '{SYSTEM}' and rule = 'missing_required_value'"
    ).fetchall()
    assert found == [("missing_required_value", 5, "started_at")]
    assert built.execute(
        "select count(*) from marts.data_quality_findings "
        "where rule = 'unmapped_call_outcome' and detail like '%むにゃむにゃ%'"
    ).fetchone() == (1,)
