"""The lock: a change of meaning is named with its KPIs, another way to write it is none."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from registry_files import Files

from kpi_warehouse.definitions import funnel, sql
from kpi_warehouse.definitions.command import funnel_problems, lock_problems, write_definitions
from kpi_warehouse.definitions.compilation import compiled_manifest
from kpi_warehouse.definitions.lineage import MAPPED_FIELDS, Lineage
from kpi_warehouse.definitions.lock import DEFINITIONS, MAPPINGS
from kpi_warehouse.errors import UserError
from kpi_warehouse.landing import read_layouts
from kpi_warehouse.project_checks import Project

ROOT = Path(__file__).resolve().parents[2]
NODE = "model.inside_sales_kpis."
# what rests on field sales' judgement of a meeting
QUALIFIED_KPIS = (
    "cost_per_qualified_meeting",
    "qualified_meeting_rate",
    "qualified_meetings",
    "win_rate_of_qualified",
)
JUDGED_KPIS = ("acceptance_rate", "leads_accepted", "leads_rejected", "rejection_rate")
JUDGED_KPIS = tuple(sorted((*JUDGED_KPIS, *QUALIFIED_KPIS)))
QUALIFIED = ", ".join(f"{kpi_id} v1" for kpi_id in QUALIFIED_KPIS)
JUDGED = ", ".join(f"{kpi_id} v1" for kpi_id in JUDGED_KPIS)


class Agreed:
    """A copy of the registry with its lock, and the compiled models, each to be changed."""

    def __init__(self, files: Files, manifest: dict[str, Any]) -> None:
        self.files = files
        self.manifest = copy.deepcopy(manifest)
        self.lines: list[str] = []
        target = files.root / funnel.PATH
        target.parent.mkdir(parents=True)
        shutil.copy(ROOT / funnel.PATH, target)

    def model(self, name: str, pattern: str, after: str) -> None:
        """Change the compiled SQL of a model in one place."""
        node = self.manifest["nodes"][NODE + name]
        node["compiled_code"], count = re.subn(pattern, after, node["compiled_code"])
        assert count > 0, f"{pattern} is not in {name}"

    def rewrite(self, change: Callable[[str], str]) -> None:
        """Change the compiled SQL of every model."""
        for node in self.manifest["nodes"].values():
            if node["resource_type"] == "model":
                node["compiled_code"] = change(node["compiled_code"])

    def problems(self) -> list[str]:
        """What the check says."""
        return [str(item) for item in lock_problems(self.files.root, self.manifest)]

    def write(self, same_meaning: str | None = None) -> None:
        """Run the command."""
        self.lines.clear()
        write_definitions(
            self.files.root, self.lines.append, same_meaning, lambda root, work: self.manifest
        )

    def lock(self) -> dict[str, Any]:
        """The lock as it is written."""
        return json.loads((self.files.registry / DEFINITIONS).read_text("utf-8"))

    def written(self) -> list[bytes]:
        """The content of all that the command writes."""
        paths = (self.files.registry / DEFINITIONS, self.files.registry / MAPPINGS)
        return [path.read_bytes() for path in (*paths, self.files.root / funnel.PATH)]


@pytest.fixture
def agreed(files: Files, project: Project) -> Agreed:
    return Agreed(files, project.manifest)


def only(problems: list[str]) -> str:
    """The one problem there is."""
    assert len(problems) == 1, problems
    return problems[0]


# a change of meaning ----------------------------------------------------------------------------


def test_a_definition_changes(agreed: Agreed) -> None:
    agreed.files.set(
        "kpi_definitions", "connection_rate", numerator_measure_id="target_connections"
    )
    found = only(agreed.problems())
    assert found.startswith(
        "connection_rate version 1: numerator_measure_id was calls_connected and is "
        "target_connections: put it back, or end version 1 (effective_to) the day before the "
        "change and add version 2 with its sign-offs"
    )
    assert "--same-meaning" not in found


@pytest.mark.parametrize(
    ("measure", "kpis"),
    [
        ("emails_sent", "emails_sent v1"),
        ("calls_connected", "calls_connected v1, connection_rate v1, meeting_rate v1"),
    ],
)
def test_the_formula_of_a_measure_changes(agreed: Agreed, measure: str, kpis: str) -> None:
    agreed.model(
        "int_measures_activities",
        rf"sum\((case when .*) then 1 else 0 end\) as {measure}\b",
        rf"sum(\1 and is_target then 1 else 0 end) as {measure}",
    )
    found = only(agreed.problems())
    assert found.startswith(f"measure {measure}: its SQL changed; on it rests {kpis}: ")


def test_a_filter_below_one_part_of_a_union_changes(agreed: Agreed) -> None:
    agreed.model(
        "int_measures_meetings", r"in \('qualified', 'not_qualified'\)", "in ('qualified')"
    )
    assert sorted(line.partition(": put")[0] for line in agreed.problems()) == [
        "measure meetings_judged: its SQL changed; on it rests qualified_meeting_rate v1",
        f"measure meetings_qualified: its SQL changed; on it rests {QUALIFIED}",
    ]


def test_the_filter_of_a_model_below_changes(agreed: Agreed) -> None:
    agreed.model("int_permissions", r"select \* from final", "select * from final where true")
    found = only(agreed.problems())
    assert found.startswith("model int_permissions: compiled SQL changed; on it rests ")
    assert "permission_rate v1" in found
    assert "calls_made v1" not in found


def test_what_all_kpis_rest_on_changes(agreed: Agreed) -> None:
    for name in ("kpi_by_period", "kpi_by_rep_period"):
        agreed.model(name, r"(?s)\Z", " where value is not null")
    found = only(agreed.problems())
    assert "kpi_by_period, kpi_by_rep_period: compiled SQL changed" in found
    assert "on it rests every published KPI" in found


def test_a_column_of_the_table_of_all_measures_changes(agreed: Agreed) -> None:
    agreed.model("int_measures_daily", r"\bquantity\b", "abs(quantity) as quantity")
    assert len(agreed.problems()) == len(agreed.lock()["measures"])


def test_what_a_distribution_observes_changes(agreed: Agreed) -> None:
    agreed.model("int_observations_time_to_judgement", r"86400", "3600")
    found = only(agreed.problems())
    assert found.startswith(
        "distribution time_to_judgement: its SQL changed; on it rests "
        "time_to_judgement_km_median v1, time_to_judgement_median v1: put it back, give what is "
        "to be observed now a distribution of its own"
    )


def test_one_of_the_distributions_of_a_model_changes(agreed: Agreed) -> None:
    agreed.model("int_observations_speed_to_lead", r"\bbusiness_seconds / 60", "business_seconds")
    assert only(agreed.problems()).startswith(
        "distribution speed_to_lead_business: its SQL changed; on it rests "
        "speed_to_lead_business_km_median v1, speed_to_lead_business_median v1, "
        "speed_to_lead_business_p90 v1: "
    )


def test_the_clock_of_a_distribution_changes(agreed: Agreed) -> None:
    agreed.files.set("distributions", "deal_cycle", clock="business")
    assert only(agreed.problems()).startswith("distribution deal_cycle: clock changed; ")


def test_how_a_statistic_is_computed_changes(agreed: Agreed) -> None:
    """It concerns all statistics, and nothing that is counted."""
    agreed.model("time_to_event_by_rep_period", r"<= 0\.5", "<= 0.6")
    found = only(agreed.problems())
    assert found.startswith("model time_to_event_by_rep_period: compiled SQL changed; on it rests")
    assert "median_deal v1" in found
    assert "speed_to_lead_km_median v1" in found
    assert "within" not in found
    assert "leads_acquired" not in found


def test_the_days_of_a_layout_in_staging_change(agreed: Agreed) -> None:
    agreed.model("stg_planning__attendance", r"decimal\(24, 6\)", "decimal(24, 0)")
    found = only(agreed.problems())
    assert found.startswith(
        "model stg_planning__attendance: compiled SQL changed; on it rests calls_per_hour v1: "
    )


def test_a_mapping_changes(agreed: Agreed) -> None:
    agreed.files.set("meeting_judgements", "accept", judgement="not_qualified")
    agreed.files.remove("meeting_judgements", judgement_code="good")
    assert only(agreed.problems()).startswith(
        "mapping meeting_judgements: 'accept', 'good' changed its meaning or was removed; on it "
        f"rests {JUDGED}: put it back"
    )


def test_a_mapping_without_dates_changes(agreed: Agreed) -> None:
    agreed.files.set("machine_user_agents", "aiohttp", match_kind="exact")
    found = only(agreed.problems())
    assert "email_open_rate_human v1" in found
    assert "calls_made v1" not in found


def test_a_channel_counts_only_where_there_are_channels(agreed: Agreed) -> None:
    agreed.files.set("lead_sources", "chat", channel_id="webinar")
    found = only(agreed.problems())
    assert "calls_made v1" in found
    assert "calls_per_hour v1" not in found


def test_a_code_changes_on_a_day_and_the_kpis_do_not(agreed: Agreed) -> None:
    dated_judgement(agreed)
    assert only(agreed.problems()).startswith(
        "mapping meeting_judgements: 'accept' changes its meaning on 2026-10-01; on it rests "
        f"{JUDGED}, in force then: set effective_to of these versions to 2026-09-30 and add "
        "their next ones from 2026-10-01 with their sign-offs"
    )


def test_a_policy_changes_in_its_place(agreed: Agreed) -> None:
    agreed.files.set("kpi_policies", "open_window_days", policy_value="7")
    found = agreed.problems()
    assert [line.partition(": put")[0] for line in found] == [
        f"{kpi_id} version 1: policy open_window_days was 14 and is 7"
        for kpi_id in ("email_open_rate", "email_open_rate_human", "machine_open_share")
    ]


def test_an_agreed_version_is_gone(agreed: Agreed) -> None:
    agreed.files.remove("kpi_signoffs", kpi_id="win_rate", department_id="marketing")
    assert only(agreed.problems()).startswith("win_rate version 1: was agreed and is not published")


def test_an_end_that_is_locked_moves(agreed: Agreed) -> None:
    agreed.files.second_version("win_rate", "2026-09-30", "2026-10-01")
    agreed.write()
    agreed.files.remove("kpi_definitions", kpi_id="win_rate", version="2")
    agreed.files.set("kpi_definitions", "win_rate", effective_to="2026-12-31")
    found = agreed.problems()
    assert len(found) == 2
    assert any("effective_to was 2026-09-30 and is 2026-12-31" in line for line in found)


def test_a_measure_that_no_model_computes(agreed: Agreed) -> None:
    agreed.model("int_measures_activities", "'connectors' as measure_id", "'links' as measure_id")
    assert any(
        line.startswith("measure connectors: no model computes it; on it rests connector_rate v1")
        for line in agreed.problems()
    )


def test_a_distribution_that_no_model_observes(agreed: Agreed) -> None:
    agreed.model("int_observations_deals", "'deal_amount' as dist", "'deal_size' as dist")
    assert any(
        line.startswith("distribution deal_amount: no model observes it; on it rests median_deal")
        for line in agreed.problems()
    )


def test_a_policy_that_the_registry_does_not_have(agreed: Agreed) -> None:
    agreed.model(
        "int_kpi_versions", r"\Z", " where version = (select 1 where policy_id = 'ring_seconds')"
    )
    assert any(line.startswith("policy ring_seconds: models read it") for line in agreed.problems())


# none ---------------------------------------------------------------------------------------------


def test_the_project_is_locked(agreed: Agreed) -> None:
    assert agreed.problems() == []
    assert [str(item) for item in funnel_problems(ROOT)] == []


def test_the_lock_is_what_the_command_would_write_anew(agreed: Agreed) -> None:
    before = agreed.written()
    agreed.write()
    assert agreed.written() == before
    record = agreed.lock()["same_meaning"]
    for name in (DEFINITIONS, MAPPINGS):
        (agreed.files.registry / name).unlink()
    (agreed.files.root / funnel.PATH).unlink()
    agreed.write()
    assert agreed.lock().pop("same_meaning") == []
    if not record:
        assert agreed.written() == before


def cosmetic(text: str) -> str:
    """The same SQL with comments, other blanks and capitals outside quotes."""
    outside = re.split(r"('[^']*'|\"[^\"]*\")", re.sub(r"--[^\n]*", "", text))
    changed = [part if index % 2 else part.upper() for index, part in enumerate(outside)]
    return "/* it's new */\n" + "".join(changed).replace(",", " ,\n\t") + "\n-- the end"


def test_comments_layout_and_capitals_change_nothing(agreed: Agreed) -> None:
    before = agreed.manifest["nodes"][NODE + "int_calls"]["compiled_code"]
    agreed.rewrite(cosmetic)
    assert agreed.manifest["nodes"][NODE + "int_calls"]["compiled_code"] != before
    assert agreed.problems() == []


def test_another_database_changes_nothing(agreed: Agreed) -> None:
    for node in agreed.manifest["nodes"].values():
        if node.get("relation_name"):
            node["relation_name"] = node["relation_name"].replace('"memory"', '"warehouse"')
    agreed.rewrite(lambda text: text.replace('"memory"', '"warehouse"'))
    assert agreed.problems() == []


def test_a_measure_more_changes_nothing(agreed: Agreed) -> None:
    agreed.model(
        "int_measures_activities", r"(sum\(.*\)) as calls_made,", r"\1 as calls_made, \1 as dials,"
    )
    agreed.model(
        "int_measures_activities",
        r"(?s)(select\s+'calls_made' as measure_id.*?from event_sums.*?calls_made_no_cohort <> 0)",
        r"\1 union all select 'dials' as measure_id, basis, dials from event_sums",
    )
    assert agreed.problems() == []


def test_what_no_kpi_is_a_statistic_of_changes_nothing(agreed: Agreed) -> None:
    agreed.model("int_observations_time_in_stage", r"86400", "3600")
    agreed.model("stage_durations", r"<= 0\.5", "<= 0.6")
    assert agreed.problems() == []


def test_a_new_code_a_note_and_a_name_change_nothing(agreed: Agreed) -> None:
    agreed.files.add("meeting_judgements", "accept", judgement_code="promising")
    agreed.files.add("machine_user_agents", "aiohttp", pattern="mailbot")
    agreed.files.set("machine_user_agents", "aiohttp", note="A library")
    agreed.files.set("channels", "webinar", name_en="Web seminar")
    assert agreed.problems() == []


def test_what_is_not_meaning_changes_nothing(agreed: Agreed) -> None:
    agreed.files.set("kpi_definitions", "win_rate", change_reason_en="asked for", sort_order="345")
    agreed.files.add("kpi_definitions", "win_rate", version="2", status="draft", unit="rate")
    rows = agreed.files.rows("kpi_definitions")
    agreed.files.write("kpi_definitions", [row | {"colour": "red"} for row in rows])
    assert agreed.problems() == []


def dated_judgement(agreed: Agreed) -> None:
    """Let a judgement mean something else from October."""
    agreed.files.set("meeting_judgements", "accept", valid_to="2026-09-30")
    agreed.files.add(
        "meeting_judgements",
        "accept",
        judgement="not_qualified",
        valid_from="2026-10-01",
        valid_to="",
    )


def test_a_new_version_is_locked_beside_the_old_one(agreed: Agreed) -> None:
    dated_judgement(agreed)
    for kpi_id in JUDGED_KPIS:
        agreed.files.second_version(kpi_id, "2026-09-30", "2026-10-01")
    assert agreed.problems() == [
        f"{kpi_id} version 2: is agreed and not locked yet: run `make definitions`"
        for kpi_id in JUDGED_KPIS
    ]
    before = agreed.lock()["kpis"]["win_rate_of_qualified"]["1"]
    agreed.write()
    assert agreed.problems() == []
    locked = agreed.lock()["kpis"]["win_rate_of_qualified"]
    ended = {"effective_to": "2026-09-30"}
    assert locked["1"] == before | {"definition": before["definition"] | ended}
    assert locked["2"]["definition"]["effective_from"] == "2026-10-01"
    # from now on the second meaning is held as well
    agreed.files.set("meeting_judgements", "accept", judgement="qualified")
    assert "win_rate_of_qualified v2" in only(agreed.problems())


def test_a_policy_changes_with_new_versions(agreed: Agreed) -> None:
    agreed.files.set("kpi_policies", "open_window_days", effective_to="2026-09-30")
    agreed.files.add(
        "kpi_policies",
        "open_window_days",
        policy_value="7",
        effective_from="2026-10-01",
        effective_to="",
    )
    for kpi_id in ("email_open_rate", "email_open_rate_human", "machine_open_share"):
        agreed.files.second_version(kpi_id, "2026-09-30", "2026-10-01")
    agreed.write()
    locked = agreed.lock()["kpis"]["email_open_rate"]
    assert [locked[version]["policies"]["open_window_days"] for version in "12"] == ["14", "7"]
    assert agreed.problems() == []


# the command --------------------------------------------------------------------------------------


def test_command_refuses_and_leaves_the_lock(agreed: Agreed) -> None:
    agreed.files.set("kpi_definitions", "win_rate", maturity_days="30")
    agreed.model("int_permissions", r"select \* from final", "select * from final where true")
    before = agreed.written()
    with pytest.raises(UserError, match="2 changes of what is locked"):
        agreed.write()
    assert agreed.written() == before
    assert any("win_rate version 1: maturity_days was 180 and is 30" in x for x in agreed.lines)
    # a number that changes is never the same meaning
    with pytest.raises(UserError, match="1 changes"):
        agreed.write("we feel it is")
    assert agreed.written() == before


def test_command_keeps_the_reason_why_nothing_changed(agreed: Agreed) -> None:
    agreed.files.set("kpi_definitions", "win_rate", definition_en="Leads won ÷ leads handed over")
    agreed.model("int_permissions", r"select \* from final", "select * from final where true")
    agreed.write("shorter words; a filter that is always true")
    assert agreed.problems() == []
    assert agreed.lock()["same_meaning"][-1] == {
        "changed": ["win_rate version 1 definition_en", "model int_permissions"],
        "reason": "shorter words; a filter that is always true",
    }
    before = agreed.written()
    agreed.write("again")
    assert agreed.written() == before


def test_command_refuses_a_registry_that_breaks_a_rule(agreed: Agreed) -> None:
    agreed.files.set("kpi_definitions", "win_rate", status="retired")
    with pytest.raises(UserError, match="breaks 1 rules"):
        agreed.write()
    assert agreed.lines == [
        "  win_rate version 1: is retired and has no end: set effective_to to its last day"
    ]


@pytest.mark.parametrize("content", ["{", "[]", '{"kpis": {"calls_made": {"1": {}}}}'])
def test_a_lock_that_cannot_be_read_is_one_message(agreed: Agreed, content: str) -> None:
    (agreed.files.registry / DEFINITIONS).write_text(content)
    assert "is no lock" in only(agreed.problems())
    with pytest.raises(UserError, match="is no lock"):
        agreed.write()


def test_a_new_kpi_becomes_a_column_of_the_funnel(agreed: Agreed) -> None:
    new = {
        "kpi_id": "dials_again",
        "sort_order": "25",
        "name_ja": "再架電数: 新",
        "name_en": "Dials",
    }
    agreed.files.add("kpi_definitions", "calls_made", **new)
    agreed.files.add("kpi_signoffs", "calls_made", kpi_id="dials_again")
    assert "run `make definitions`" in str(
        only([str(x) for x in funnel_problems(agreed.files.root)])
    )
    agreed.write()
    assert funnel_problems(agreed.files.root) == []
    assert agreed.lines[0] == f"wrote {funnel.PATH}"
    contract = yaml.safe_load((agreed.files.root / funnel.PATH).read_text("utf-8"))
    columns = [column["name"] for column in contract["models"][0]["columns"]]
    place = columns.index("dials_again")
    assert columns[place - 1 : place + 2] == ["calls_made", "dials_again", "inbound_calls"]
    assert "calls_per_hour" not in columns
    described = contract["models"][0]["columns"][place]["description"]
    assert described == "再架電数: 新 / Dials."


def test_script_exits_with_2_and_one_last_line(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "seeds" / "registry", tmp_path / "seeds" / "registry")
    (tmp_path / "seeds" / "registry" / "kpi_signoffs.csv").unlink()
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / "definitions.py", "--root", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "kpi_signoffs.csv: does not exist" in result.stdout
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1


# the project as it is on disk ---------------------------------------------------------------------


def test_models_are_compiled_alike_whoever_compiles_them(
    tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed line in a model trips; another environment and comments beside it do not."""
    for folder in ("models", "macros", "profiles", "tests/generic"):
        shutil.copytree(ROOT / folder, files.root / folder)
    replace(
        files.root / "models/intermediate/measures/int_measures_activities.sql",
        "one_if('is_connector')",
        "one_if('is_connector and is_target')",
    )
    replace(
        files.root / "models/intermediate/activities/int_calls.sql",
        "final as (\n",
        "{# new #}\nFINAL as (  -- the rest\n",
    )
    replace(files.root / "dbt_project.yml", "as_of_date: null", "as_of_date: '2026-01-31'")
    monkeypatch.setenv("AS_OF_DATE", "2026-05-05")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("WAREHOUSE_PATH", str(tmp_path / "other.duckdb"))
    environment = dict(os.environ)
    manifest = compiled_manifest(files.root, tmp_path / "work")
    assert dict(os.environ) == environment
    found = only([str(problem) for problem in lock_problems(files.root, manifest)])
    assert found.startswith(
        "measure connectors: its SQL changed; on it rests connector_rate v1, connectors v1: "
    )


def replace(path: Path, before: str, after: str) -> None:
    """Change the one place of a file where a text stands."""
    text = path.read_text("utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), "utf-8")


def test_every_measure_rests_on_models_and_its_own_line(project: Project) -> None:
    measures = project.registry.registry.measures
    grounds = Lineage(project.manifest).grounds(measures)
    assert set(grounds) == {measure.measure_id for measure in measures}
    assert len({ground.sql for ground in grounds.values()}) == len(measures)
    assert all(ground.models for ground in grounds.values())


def test_the_fields_that_mappings_are_about_exist(project: Project) -> None:
    layouts = {layout.name: set(layout.columns) for layout in read_layouts(ROOT / "models/staging")}
    assert set(MAPPED_FIELDS) <= set(project.registry.mappings)
    for fields in MAPPED_FIELDS.values():
        for name in fields:
            table, _, column = name.partition(".")
            assert column in layouts[table], name


# SQL as text --------------------------------------------------------------------------------------


def test_tokens_keep_what_stands_in_quotes() -> None:
    found = sql.tokens(
        """SELECT 'It''s -- A', "Col" /* x ' */ FROM t -- y\nWHERE a<>1.50 AND b||'C'"""
    )
    assert found == [
        *("select", "'It''s -- A'", ",", '"Col"', "from", "t"),
        *("where", "a", "<>", "1.50", "and", "b", "||", "'C'"),
    ]


def test_only_what_a_measure_needs_is_kept() -> None:
    found = sql.tokens(
        """
        with a as (select * from x), b as (select * from y where z),
        final as (
            select * from (
                with s as (
                    select d, sum(1) as one, sum(2) as two, sum(3) as one_no_cohort,
                        sum(4) as two_no_cohort from a group by d)
                select 'one' as measure_id, one as q from s where one <> 0
                union all
                select 'two' as measure_id, two as q from s where two <> 0
            ) as first
            union all
            select * from (select 'three' as measure_id, count(*) as q from b) as second
        )
        select * from final
        """
    )
    assert sql.measures_in(found) == ["one", "two", "three"]
    assert " ".join(sql.only_measure(found, "two")) == (
        "with a as ( select * from x ) , final as ( select * from ( with s as ( select d , sum ( 2 "
        ") as two , sum ( 4 ) as two_no_cohort from a group by d ) select 'two' as measure_id , "
        "two as q from s where two <> 0 ) as first ) select * from final"
    )
    assert " ".join(sql.only_measure(found, "three")) == (
        "with b as ( select * from y where z ) , final as ( select * from ( select 'three' as "
        "measure_id , count ( * ) as q from b ) as second ) select * from final"
    )
