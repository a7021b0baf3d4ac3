"""Metrics and registry in step: each way to fall out of it is named, with what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kpi_warehouse.project_checks import Project
from kpi_warehouse.project_checks.semantics import metrics_and_registry_agree
from kpi_warehouse.truth.kpis import COHORT, EVENT, REP, TEAM, TOTAL, Kpi, read_kpis

DEFINITIONS = """\
kpi_id,version,status,effective_from,effective_to,name_ja,name_en,numerator_measure_id,\
denominator_measure_id,has_event_basis,has_cohort_basis,is_subset_event,is_subset_cohort,\
has_channel,has_rep,has_team,definition_ja,definition_en,required_signoffs,sample_measure_id,\
unit,is_targetable,maturity_days,owner_department,sort_order,distribution_id,statistic
calls,1,agreed,2000-01-01,,架電数,Calls,dials,,true,true,false,false,true,true,true,発信,Dials,sales,\
,count,true,90,sales,1,,
pace,1,agreed,2000-01-01,,毎時,Pace,dials,hours,true,false,false,false,false,true,true,割る,Divided,\
sales,hours,ratio,true,0,sales,2,,
"""
DRAFT = (
    "pace,2,draft,2026-04-01,,毎時,Pace,hours,dials,true,false,false,false,false,true,true,逆,Reversed,"
    "sales,dials,ratio,true,0,sales,2,,\n"
)
SIGNOFFS = """\
kpi_id,version,department_id,signed_on
calls,1,sales,2026-03-01
pace,1,sales,2026-03-01
"""
MEASURES = """\
measure_id,name_ja,name_en,unit,counts_ja,counts_en,policy_ids,source_fields
dials,発信,Dials,count,発信した件数,Outbound dials,,calls.call_id
hours,時間,Hours,hours,働いた時間,Hours worked,,attendance.working_hours
"""
DISTRIBUTIONS = """\
distribution_id,clock,unit,maturity_days,counts_ja,counts_en,policy_ids,source_fields
wait,wall,minutes,30,待った分数,Minutes waited,,leads.created_at
"""
CALLS = """\
  - name: calls
    label: 架電数 / Calls
    description: |-
      発信
      Dials
    type: simple
    type_params:
      measure: {name: dials, fill_nulls_with: 0}
"""
HOURS = """\
  - name: hours
    label: 時間 / Hours
    description: |-
      働いた時間
      Hours worked
    type: simple
    type_params: {measure: hours}
"""
PACE = """\
  - name: pace
    label: 毎時 / Pace
    description: |-
      割る
      Divided
    type: ratio
    type_params: {numerator: calls, denominator: {name: hours}}
"""
METRICS = f"metrics:\n{CALLS}{HOURS}{PACE}"
UPRIGHT = "{numerator: calls, denominator: {name: hours}}"
REVERSED = "{numerator: hours, denominator: calls}"


class Fake:
    """A registry of two KPIs and two measures, and the three metrics they need."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.registry = root / "seeds" / "registry"
        self.metrics = root / "models" / "semantic" / "all.yml"
        self.registry.mkdir(parents=True)
        self.metrics.parent.mkdir(parents=True)
        for seed, text in {
            "kpi_definitions": DEFINITIONS,
            "kpi_signoffs": SIGNOFFS,
            "measures": MEASURES,
            "distributions": DISTRIBUTIONS,
        }.items():
            (self.registry / f"{seed}.csv").write_text(text, encoding="utf-8")
        self.metrics.write_text(METRICS, encoding="utf-8")

    def edit(self, path: Path, old: str, new: str) -> None:
        """Replace what stands there once."""
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")

    def define(self, old: str, new: str) -> None:
        self.edit(self.registry / "kpi_definitions.csv", old, new)

    def append(self, seed: str, row: str) -> None:
        with (self.registry / f"{seed}.csv").open("a", encoding="utf-8") as file:
            file.write(row)

    def metric(self, old: str, new: str) -> None:
        self.edit(self.metrics, old, new)

    def found(self) -> list[str]:
        """What the rule says, a line each."""
        return [str(violation) for violation in metrics_and_registry_agree(Project(self.root, {}))]


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path)


def test_a_registry_and_its_metrics_agree(fake: Fake) -> None:
    assert fake.found() == []


Edit = Callable[[Fake], None]
BREAKS: dict[str, tuple[Edit, str]] = {
    "a published KPI without a metric": (
        lambda fake: fake.metric(PACE, ""),
        r": pace: is published and has no metric: add it to models/semantic",
    ),
    "a name that was changed": (
        lambda fake: fake.define("架電数", "発信数"),
        r": calls: write its label as version 1 in kpi_def.* names it: '発信数 / Calls'",
    ),
    "words that were changed": (
        lambda fake: fake.metric("Divided", "Multiplied"),
        r": pace: write its description in the words of version 1 .*'割る\\nDivided'",
    ),
    "a formula upside down": (
        lambda fake: fake.metric(UPRIGHT, REVERSED),
        r": pace: counts hours ÷ dials, and version 1 was agreed as dials ÷ hours: mend the metric",
    ),
    "a count of another measure": (
        lambda fake: fake.metric("measure: {name: dials", "measure: {name: hours"),
        r": (calls|pace): counts hours",
    ),
    "a ratio of what does not exist": (
        lambda fake: fake.metric("{name: hours}", "{name: days}"),
        r": pace: counts dials ÷ no measure, and version 1 was agreed as dials ÷ hours",
    ),
    "a helper that counts something else": (
        lambda fake: fake.metric("{measure: hours}", "{measure: dials}"),
        r": (hours: is named as a measure and counts dials: let it|pace: counts dials ÷ dials)",
    ),
    "a helper with a name of its own": (
        lambda fake: fake.metric("時間 / Hours", "勤務 / Hours"),
        r": hours: write its label as measures.csv names it: '時間 / Hours'",
    ),
    "a metric of nothing": (
        lambda fake: fake.metric("metrics:\n", "metrics:\n" + CALLS.replace("calls", "dialling")),
        r": dialling: is neither a KPI nor a measure of the registry: define it in seeds/registry",
    ),
    "a KPI that lost its signature": (
        lambda fake: fake.edit(
            fake.registry / "kpi_signoffs.csv", "pace,1,sales", "pace,1,marketing"
        ),
        r": pace: its metric shows a KPI that is not published .*: get the missing sign-offs",
    ),
    "a KPI of cohorts alone": (
        lambda fake: fake.define("hours,true,false", "hours,false,true"),
        r": pace: its metric shows a KPI that is not published on the event basis",
    ),
    "a new version that was signed": (
        lambda fake: [
            fake.append("kpi_definitions", DRAFT.replace("draft", "agreed")),
            fake.append("kpi_signoffs", "pace,2,sales,2026-03-02\n"),
        ],
        r": pace: (write its desc.* of version 2|counts dials ÷ hours, and version 2 was)",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_falls_out_of_step_is_named(fake: Fake, name: str) -> None:
    edit, message = BREAKS[name]
    edit(fake)
    found = fake.found()
    assert found
    for line in found:
        assert re.search(message, line), line


def test_a_draft_changes_no_metric(fake: Fake) -> None:
    fake.append("kpi_definitions", DRAFT)
    fake.append("kpi_definitions", DRAFT.replace("pace", "new").replace(",2,", ",1,"))
    assert fake.found() == []


def test_a_new_kpi_is_one_row_with_its_signature_and_one_metric(fake: Fake) -> None:
    """The truth needs no line for it: it reads the same two places."""
    before = read_kpis(fake.root)
    fake.append("kpi_definitions", DRAFT.replace("pace,2,draft", "idle,1,agreed"))
    fake.append("kpi_signoffs", "idle,1,sales,2026-03-02\n")
    assert len(fake.found()) == 1
    with pytest.raises(ValueError, match="idle has no metric: add it to models/semantic"):
        read_kpis(fake.root)
    fake.metrics.write_text(
        METRICS
        + PACE.replace("pace", "idle")
        .replace("割る", "逆")
        .replace("Divided", "Reversed")
        .replace(UPRIGHT, REVERSED),
        encoding="utf-8",
    )
    assert fake.found() == []
    assert read_kpis(fake.root) == (
        *before,
        Kpi("idle", "hours", "dials", bases=(EVENT,), dimensions=(TOTAL, REP, TEAM)),
    )


def test_the_truth_reads_formulas_from_metrics_and_the_rest_from_the_registry(fake: Fake) -> None:
    fake.define("dials,,true,true,false,false", "nothing,,true,true,false,true")
    calls, pace = read_kpis(fake.root)
    assert calls == Kpi("calls", "dials", subset_bases=(COHORT,))
    assert pace == Kpi("pace", "dials", "hours", bases=(EVENT,), dimensions=(TOTAL, REP, TEAM))
