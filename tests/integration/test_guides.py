"""CONTRIBUTING and docs/guides, done to the letter in a copy of the project.

One KPI is added with a measure of its own, and 商談化率 changes its denominator on a day. Then the
copy's own commands, checks and computations have to agree.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from integration.semantic_answers import CUTS, kpis_in_force
from kpi_warehouse.project_checks.layout import GENERATED
from kpi_warehouse.settings import PROJECT_DIR
from kpi_warehouse.world import WorldOptions

CHANGE = "2026-02-11"
THE_DAY_BEFORE = "2026-02-10"
COUNTED = "activity_type = 'email' and is_replied"
# what the copy's own code says of a small world built from it
COMPARE = """
import json
import sys
from pathlib import Path
from integration.conftest import differences, land_world
from integration.semantic_answers import CUTS, comparisons, kpis_in_force
from kpi_warehouse.truth.agreements import truth_as_agreed
from kpi_warehouse.world import WorldOptions

folder = Path(sys.argv[1])
world = land_world(folder, WorldOptions(activities=6_000))
world.dbt("build", "--exclude", "test_type:unit", "test_type:generic")
for line in differences(world, truth_as_agreed(world.log)):
    print("truth:", line)
print(json.dumps(world.query(
    "select distinct kpi_id, definition_version, is_mixed_version "
    "from marts.kpi_by_channel_period "
    "where kpi_id in ('emails_answered', 'meeting_rate') and basis = 'event' "
    "and period_grain = 'month' and numerator + coalesce(denominator, 0) > 0 order by all"
)))
print(world.query("select max(emails_answered) > 0 from marts.funnel_by_channel_period"))
kpis = kpis_in_force(world.log.as_of_date)
for cut, found in comparisons(
    world.warehouse, world.environment(), folder / "metricflow", kpis, CUTS[:1]
).items():
    if found.differences():
        print("metricflow:", cut, found.differences())
    print("compared:", len(found.cut.kpis(kpis)))
"""


class Copy:
    """The project's files in another folder, with the edits that a contributor makes."""

    def __init__(self, root: Path) -> None:
        shutil.copytree(
            PROJECT_DIR,
            root,
            symlinks=True,
            ignore=lambda folder, names: {".git", "__pycache__", *GENERATED} & set(names),
            dirs_exist_ok=True,
        )
        self.root = root

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command of the copy, with the copy's own code."""
        paths = os.pathsep.join(str(self.root / folder) for folder in ("scripts", "tests"))
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": paths},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def rows(self, seed: str) -> list[dict[str, str]]:
        with self._path(seed).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def write(self, seed: str, rows: list[dict[str, str]]) -> None:
        with self._path(seed).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)

    def edit(self, path: str, before: str, after: str) -> None:
        file = self.root / path
        text = file.read_text("utf-8")
        assert text.count(before) == 1, f"{before!r} stands {text.count(before)} times in {path}"
        file.write_text(text.replace(before, after), "utf-8")

    def sign(self, kpi_id: str, version: str, departments: str) -> None:
        signed = [
            {
                "kpi_id": kpi_id,
                "version": version,
                "department_id": department,
                "signed_on": THE_DAY_BEFORE,
            }
            for department in departments.split("|")
        ]
        self.write("kpi_signoffs", [*self.rows("kpi_signoffs"), *signed])

    def _path(self, seed: str) -> Path:
        return self.root / "seeds" / "registry" / f"{seed}.csv"


def add_a_kpi(copy: Copy) -> None:
    """CONTRIBUTING: a new KPI, with a measure that did not exist."""
    words = {"name_ja": "メール返信数", "name_en": "E-mails answered"}
    definitions = copy.rows("kpi_definitions")
    like = next(row for row in definitions if row["kpi_id"] == "emails_delivered")
    definition = {"definition_ja": "人が返信したメール", "definition_en": "Mails a person answered"}
    new = {
        "kpi_id": "emails_answered",
        "numerator_measure_id": "emails_answered",
        "sort_order": "65",
    }
    copy.write("kpi_definitions", [*definitions, like | words | definition | new])
    copy.sign("emails_answered", "1", like["required_signoffs"])
    measures = copy.rows("measures")
    like = next(row for row in measures if row["measure_id"] == "emails_delivered")
    counts = {"counts_ja": "人が返信したメール", "counts_en": "Mails that a person answered"}
    copy.write("measures", [*measures, like | words | counts | {"measure_id": "emails_answered"}])
    line = "            'follow_ups': one_if('is_follow_up'),\n"
    copy.edit(
        "models/intermediate/measures/int_measures_activities.sql",
        line,
        f"            'emails_answered': one_if({COUNTED!r}),\n{line}",
    )
    copy.edit(
        "models/semantic/activities.yml",
        "\nmetrics:\n",
        f"""      - name: emails_answered
        agg: sum_boolean
        expr: {COUNTED}

metrics:
  - name: emails_answered
    label: メール返信数 / E-mails answered
    description: |-
      人が返信したメール
      Mails a person answered
    type: simple
    type_params:
      measure: {{name: emails_answered, fill_nulls_with: 0}}

""",
    )
    line = '            _count("emails_delivered", emails.filter("is_delivered")),\n'
    copy.edit(
        "scripts/kpi_warehouse/truth/events.py",
        line,
        line.replace("delivered", "answered", 1).replace("is_delivered", "is_replied") + line,
    )


def change_a_definition(copy: Copy) -> None:
    """docs/guides/change-a-definition.md: 商談化率 is divided by calls from a day on."""
    rows = copy.rows("kpi_definitions")
    old = next(row for row in rows if row["kpi_id"] == "meeting_rate")
    new = old | {
        "version": "2",
        "effective_from": CHANGE,
        "denominator_measure_id": "calls_made",
        "sample_measure_id": "calls_made",
        "definition_ja": "商談化件数 ÷ 架電数",
        "definition_en": "Meetings ÷ calls",
    }
    old |= {"effective_to": THE_DAY_BEFORE, "status": "retired"}
    copy.write("kpi_definitions", [*rows, new])
    copy.sign("meeting_rate", "2", old["required_signoffs"])
    copy.edit(
        "models/semantic/meetings.yml",
        """      商談化件数 ÷ 接続数
      Meetings ÷ connections
    type: ratio
    type_params:
      numerator: meetings
      denominator: calls_connected
""",
        """      商談化件数 ÷ 架電数
      Meetings ÷ calls
    type: ratio
    type_params:
      numerator: meetings
      denominator: calls_made
""",
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("copy"))


def test_what_the_guides_say_is_all_it_takes(copy: Copy, tmp_path: Path) -> None:
    add_a_kpi(copy)
    change_a_definition(copy)
    # the one step that a check has to remind of
    forgotten = copy.run("scripts/check_project.py")
    assert forgotten.returncode == 1
    for kpi in ("emails_answered version 1", "meeting_rate version 2"):
        assert f"definitions_are_locked: {kpi}: is agreed and not locked" in forgotten.stdout
    assert len(forgotten.stdout.strip().splitlines()) == 3

    locked = copy.run("scripts/definitions.py")
    assert locked.returncode == 0, locked.stdout + locked.stderr
    assert "locked meeting_rate version 2" in locked.stdout
    checked = copy.run("scripts/check_project.py")
    assert checked.returncode == 0, checked.stdout + checked.stderr

    compared = copy.run("-c", COMPARE, str(tmp_path / "world"))
    assert compared.returncode == 0, compared.stderr[-3000:]
    rows, is_in_funnel, *lines = compared.stdout.strip().splitlines()
    assert [line for line in lines if not line.startswith("compared: ")] == []
    # every KPI of the project, and the one that the guide adds
    by_channel = CUTS[0].kpis(kpis_in_force(WorldOptions().as_of_date))
    assert lines[0] == f"compared: {len(by_channel) + 1}"
    assert is_in_funnel == "[(True,)]"
    assert json.loads(rows) == [
        ["emails_answered", 1, False],
        ["meeting_rate", 1, False],
        ["meeting_rate", 2, False],
        ["meeting_rate", 2, True],
    ]
