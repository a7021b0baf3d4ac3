"""The architecture rules: each can fail, and the project breaks none."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import check_project
from kpi_warehouse.definitions import command
from kpi_warehouse.project_checks import (
    RULES,
    Project,
    Rule,
    Violation,
    exposures,
    layout,
    references,
    registry,
    semantics,
    shape,
    sql_rules,
    systems,
    violations,
    yaml_keys,
)
from kpi_warehouse.project_checks.sql_text import sql_of
from kpi_warehouse.settings import PROJECT_DIR

GRAIN = "{#- Grain: one row per lead. -#}\n"
# a registry of one KPI over one measure
REGISTRY = {
    "kpi_definitions": """\
        kpi_id,version,status,effective_from,effective_to,name_ja,name_en,numerator_measure_id,\
denominator_measure_id,sample_measure_id,distribution_id,statistic,unit,has_event_basis,\
has_cohort_basis,is_subset_event,is_subset_cohort,has_channel,has_rep,has_team,is_targetable,\
maturity_days,definition_ja,definition_en,owner_department,required_signoffs,sort_order
        calls_made,1,agreed,2000-01-01,,架電数,Calls made,calls_made,,,,,count,true,true,false,\
false,true,true,true,true,90,発信した件数,Outbound dials,inside_sales,inside_sales,10
        """,
    "kpi_signoffs": """\
        kpi_id,version,department_id,signed_on
        calls_made,1,inside_sales,2026-03-17
        """,
    "kpi_departments": """\
        department_id
        inside_sales
        """,
    "kpi_policies": """\
        policy_id,policy_value,effective_from,effective_to,allowed_values,name_ja,name_en
        small_sample_below,30,2000-01-01,,1-100,小標本,Small sample
        """,
    "measures": """\
        measure_id,unit,counts_ja,counts_en,policy_ids,source_fields
        calls_made,count,発信,Dials,,leads.lead_id
        """,
    "distributions": """\
        distribution_id,clock,unit,maturity_days,counts_ja,counts_en,policy_ids,source_fields
        speed_to_lead,wall,minutes,30,待ち時間,Wait,,leads.lead_id
        """,
}
METRICS = """\
    metrics:
      - name: calls_made
        label: 架電数 / Calls made
        description: |-
          発信した件数
          Outbound dials
        type: simple
        type_params: {measure: calls_made}
    """
# two systems: one feeds a common object, of the other intermediate reads what it plans
SYSTEMS = """\
    vars:
      calendar_start: '2000-01-01'
      source_systems:
        generic: [leads, row_findings, row_account]
        planning: [row_account, row_findings]
    """


class Fake:
    """A small project on disk and its manifest; it breaks no rule until a test adds to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manifest: dict[str, Any] = {
            "metadata": {"project_name": "fake"},
            "nodes": {},
            "macros": {},
            "sources": {},
        }
        for folder in ("models/staging", "models/marts/kpi", "seeds/registry", "macros", "tests"):
            (root / folder).mkdir(parents=True)
        for seed, text in REGISTRY.items():
            self.file(f"seeds/registry/{seed}.csv", text)
        self.file("models/semantic/calls.yml", METRICS)

    def registry(self, seed: str, before: str, after: str) -> None:
        """Change the one place of a registry file where a text stands."""
        text = (self.root / "seeds" / "registry" / f"{seed}.csv").read_text("utf-8")
        assert text.count(before) == 1
        self.file(f"seeds/registry/{seed}.csv", text.replace(before, after))

    def agree(self) -> None:
        """Write what follows from the registry, as the command does."""
        command.write_definitions(
            self.root, lambda line: None, compile_project=lambda root, work: self.manifest
        )

    def file(self, path: str, text: str) -> None:
        """Write a file of the project."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text), encoding="utf-8")

    def model(
        self,
        path: str,
        sql: str = "select 1 as lead_id",
        *,
        reads: tuple[str, ...] = (),
        key: bool = True,
        **more: Any,
    ) -> dict[str, Any]:
        """Add a model that keeps the rules about form, and a test on its key."""
        node = self._node("model", path, reads)
        node |= {"raw_code": GRAIN + sql, "description": "Grain: one row per lead."}
        node |= {"compiled_code": sql, "relation_name": f'"fake"."{node["name"]}"'}
        if path.startswith("models/marts"):
            node["config"] = {"contract": {"enforced": True}}
            node["columns"] = {
                "lead_id": {"name": "lead_id", "description": "Its id.", "data_type": "string"}
            }
        node |= more
        if key:
            self.test(node["unique_id"], "unique", "lead_id")
        return node

    def union(self, name: str, *models: str) -> dict[str, Any]:
        """Add the union of a common object, which takes accepted rows where there are others."""
        nodes = [self.manifest["nodes"][f"model.fake.{model}"] for model in models]
        sql = " union all ".join(
            f"select lead_id\nfrom {node['relation_name']}"
            + ("\nwhere is_accepted" if "row_status" in node["columns"] else "")
            for node in nodes
        )
        return self.model(
            f"models/intermediate/unioned/int_unioned_{name}.sql",
            f"{{{{ union_systems('{name}') }}}}",
            reads=tuple(node["unique_id"] for node in nodes),
            compiled_code=sql,
        )

    def systems(self, before: str, after: str) -> None:
        """Change the one place of var source_systems where a text stands."""
        assert SYSTEMS.count(before) == 1
        self.file("dbt_project.yml", SYSTEMS.replace(before, after))

    def seed(self, path: str, **more: Any) -> dict[str, Any]:
        """Add a seed of one column that is described and tested."""
        self.file(path, "code\na\n")
        node = self._node("seed", path, ())
        node |= {
            "description": "Codes.",
            "columns": {"code": {"name": "code", "description": "The code."}},
        }
        node |= more
        self.test(node["unique_id"], "unique", "code")
        return node

    def test(self, node: str, name: str, column: str | None) -> None:
        """Attach a generic test to a node."""
        unique_id = f"test.fake.{name}_{node}_{column}"
        self.manifest["nodes"][unique_id] = {
            "unique_id": unique_id,
            "resource_type": "test",
            "package_name": "fake",
            "name": f"{name}_{node}",
            "test_metadata": {"name": name},
            "attached_node": node,
            "column_name": column,
            "raw_code": "{{ test_unique() }}",
            "depends_on": {"nodes": [node], "macros": []},
            "original_file_path": "models/_models.yml",
        }

    def singular(self, name: str, sql: str) -> None:
        """Add a singular test."""
        node = self._node("test", f"tests/singular/{name}.sql", ())
        node["raw_code"] = sql

    def source(self, system: str, name: str) -> str:
        """Add a source table and return its id."""
        unique_id = f"source.fake.{system}.{name}"
        self.manifest["sources"][unique_id] = {
            "source_name": system,
            "name": name,
            "columns": {"lead_id": {"name": "lead_id"}},
            "config": {"meta": {"key": ["lead_id"]}},
        }
        return unique_id

    def published(self, name: str, **column: str) -> str:
        """Add a table that publishing writes and return its id."""
        unique_id = self.source("published", name)
        described = {"name": "lead_id", "data_type": "string", "description": "Its id."}
        self.manifest["sources"][unique_id] |= {
            "schema": "marts",
            "description": "What changed.",
            "columns": {"lead_id": described | column},
            "config": {},
        }
        return unique_id

    def exposure(self, name: str, *reads: str, **more: Any) -> dict[str, Any]:
        """Add a consumer, its code in a package of its name, and its Makefile target."""
        exposure = {
            "name": name,
            "original_file_path": f"models/exposures/{name}.yml",
            "label": "月次 / Monthly",
            "description": "毎月の数字。\nThe numbers of the month.",
            "maturity": "high",
            "owner": {"name": "inside_sales"},
            "config": {
                "meta": {"command": "make build", "code": [f"scripts/kpi_warehouse/{name}"]}
            },
            "depends_on": {"nodes": list(reads)},
        }
        self.manifest.setdefault("exposures", {})[f"exposure.fake.{name}"] = exposure | more
        return self.manifest["exposures"][f"exposure.fake.{name}"]

    def macro(
        self,
        path: str,
        name: str,
        sql: str = "1",
        *,
        calls: tuple[str, ...] = (),
        documented: bool = True,
    ) -> None:
        """Add a macro, documented beside its file."""
        unique_id = f"macro.fake.{name}"
        self.manifest["macros"][unique_id] = {
            "unique_id": unique_id,
            "name": name,
            "package_name": "fake",
            "macro_sql": sql,
            "original_file_path": path,
            "description": "What it does." if documented else "",
            "patch_path": "fake://macros/_macros.yml" if documented else None,
            "depends_on": {"macros": [f"macro.fake.{called}" for called in calls]},
        }

    def broken(self, rule: Rule) -> list[Violation]:
        """Return what breaks a rule."""
        return list(rule(Project(self.root, self.manifest)))

    def _node(self, kind: str, path: str, reads: tuple[str, ...]) -> dict[str, Any]:
        name = Path(path).stem
        unique_id = f"{kind}.fake.{name}"
        node = {
            "unique_id": unique_id,
            "resource_type": kind,
            "package_name": "fake",
            "name": name,
            "original_file_path": path,
            "config": {},
            "columns": {},
            "description": "",
            "depends_on": {"nodes": list(reads), "macros": []},
        }
        self.manifest["nodes"][unique_id] = node
        return node


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """A project that breaks no rule."""
    project = Fake(tmp_path)
    project.file("dbt_project.yml", SYSTEMS)
    codes = project.seed("seeds/mappings/channels.csv")
    for system, name in (("generic", "leads"), ("planning", "targets")):
        landed = project.source(system, name)
        stg = project.model(f"models/staging/{system}/stg_{system}__{name}.sql", reads=(landed,))
        stg["columns"] = {"row_status": {"name": "row_status"}}
        for account in ("row_findings", "row_account"):
            project.model(
                f"models/staging/{system}/stg_{system}__{account}.sql", reads=(stg["unique_id"],)
            )
    for account in ("row_findings", "row_account"):
        project.union(account, f"stg_generic__{account}", f"stg_planning__{account}")
    leads = project.union("leads", "stg_generic__leads")
    inter = project.model(
        "models/intermediate/leads/int_leads.sql",
        "with leads as (select * from {{ ref('int_unioned_leads') }}), targets as "
        "(select * from {{ ref('stg_planning__targets') }} where is_accepted) select * from leads",
        reads=(leads["unique_id"], codes["unique_id"], "model.fake.stg_planning__targets"),
    )
    project.model("models/marts/core/fct_leads.sql", reads=(inter["unique_id"], codes["unique_id"]))
    project.model(
        "models/intermediate/measures/int_measures_calls.sql",
        "select 'calls_made' as measure_id, 1 as quantity",
    )
    project.macro("macros/code_key.sql", "code_key")
    revisions = project.published("kpi_revisions")
    project.file("Makefile", "build: env ## build\n")
    project.file(
        "scripts/kpi_warehouse/review/content.py",
        '''
        """Not seeds.anything: this is a docstring."""
        # nor this comment: marts.dim_nothing
        LEADS = "marts.fct_leads"
        SQL = f"""
            select * from {LEADS} inner join marts.kpi_revisions inner join seeds.channels
        """
        ''',
    )
    project.file("scripts/kpi_warehouse/bench/run.py", "SQL = 'select * from marts.dim_nothing'")
    project.exposure("review", "model.fake.fct_leads", revisions, codes["unique_id"])
    project.exposure(
        "tables",
        *("model.fake.fct_leads", revisions),
        config={"meta": {"command": "make build", "reads": "published"}},
    )
    project.agree()
    return project


# each breaks exactly one rule -------------------------------------------------------------------


def intermediate_reads_a_mart(fake: Fake) -> None:
    fake.model("models/intermediate/int_back.sql", reads=("model.fake.fct_leads",))


def a_mart_reads_staging(fake: Fake) -> None:
    fake.model(
        "models/marts/core/fct_calls.sql",
        "select * from {{ ref('stg_planning__targets') }} where is_accepted",
        reads=("model.fake.stg_planning__targets",),
    )


def staging_reads_intermediate(fake: Fake) -> None:
    fake.model("models/staging/generic/stg_generic__calls.sql", reads=("model.fake.int_leads",))


def a_mart_reads_a_calendar_seed(fake: Fake) -> None:
    seed = fake.seed("seeds/calendar/national_holidays.csv")
    fake.model("models/marts/core/dim_dates.sql", reads=(seed["unique_id"],))


def staging_reads_another_system(fake: Fake) -> None:
    fake.model(
        "models/staging/miitel/stg_miitel__calls.sql", reads=("model.fake.stg_generic__leads",)
    )


def staging_reads_the_source_of_another_system(fake: Fake) -> None:
    fake.model("models/staging/miitel/stg_miitel__calls.sql", reads=("source.fake.generic.leads",))


def intermediate_reads_a_source(fake: Fake) -> None:
    fake.model("models/intermediate/int_raw.sql", reads=("source.fake.generic.leads",))


def a_cte_imports_rejected_rows(fake: Fake) -> None:
    fake.model(
        "models/intermediate/int_all.sql",
        "with calls as (select * from {{ ref('stg_planning__kgi') }}), leads as ("
        "select * from {{ ref('stg_planning__targets') }} where is_accepted) select * from leads",
    )


def a_cte_filters_something_else(fake: Fake) -> None:
    fake.model(
        "models/intermediate/int_all.sql",
        "with leads as (select * from {{ ref('stg_planning__targets') }} where is_target) "
        "select * from leads where is_accepted",
    )


def a_join_filters_one_of_two(fake: Fake) -> None:
    fake.model(
        "models/intermediate/int_all.sql",
        "select * from {{ ref('stg_planning__targets') }} as leads "
        "left join {{ ref('stg_planning__kgi') }} as calls on calls.lead_id = leads.lead_id "
        "where leads.is_accepted",
    )


def a_union_filters_one_of_two(fake: Fake) -> None:
    fake.model(
        "models/intermediate/int_all.sql",
        "select * from {{ ref('stg_planning__kgi') }} union all "
        "select * from {{ ref('stg_planning__targets') }} where is_accepted",
    )


def a_reference_that_cannot_be_followed(fake: Fake) -> None:
    fake.model(
        "models/intermediate/int_all.sql",
        "{% for name in names %} select * from {{ ref(name) }} where is_accepted {% endfor %}",
        reads=("model.fake.stg_planning__targets",),
    )


def a_model_reads_one_system_alone(fake: Fake) -> None:
    fake.model(
        "models/intermediate/int_alone.sql",
        "select * from {{ source }} where is_accepted",
        reads=("model.fake.stg_generic__leads",),
    )


def a_union_reads_the_model_of_another_object(fake: Fake) -> None:
    fake.manifest["nodes"]["model.fake.int_unioned_row_account"]["depends_on"]["nodes"].append(
        "model.fake.stg_generic__leads"
    )


def a_model_names_a_system(fake: Fake) -> None:
    fake.model("models/intermediate/int_steps.sql", "select source_system = 'generic' as is_own")


def a_macro_names_a_model_of_a_system(fake: Fake) -> None:
    fake.macro("macros/first.sql", "first", "{{ ref('stg_generic__leads') }}")


def a_test_names_a_system(fake: Fake) -> None:
    fake.singular("fct_leads__are_there", "select 1 where source_system <> 'generic'")


def a_system_feeds_an_object_without_a_model(fake: Fake) -> None:
    fake.systems("planning: [", "planning: [leads, ")


def a_system_feeds_no_common_object(fake: Fake) -> None:
    fake.systems("generic: [", "generic: [letters, ")


def a_system_has_a_model_and_does_not_feed_it(fake: Fake) -> None:
    fake.model("models/staging/planning/stg_planning__leads.sql")


def a_system_without_a_line(fake: Fake) -> None:
    fake.source("miitel", "call")


def a_system_without_an_account(fake: Fake) -> None:
    fake.systems("row_account, row_findings", "row_account")
    fake.manifest["nodes"].pop("model.fake.stg_planning__row_findings")


def an_object_that_is_in_no_account(fake: Fake) -> None:
    landed = fake.source("planning", "kgi")
    kgi = fake.model("models/staging/planning/stg_planning__kgi.sql", reads=(landed,))
    account = fake.manifest["nodes"]["model.fake.stg_planning__row_account"]
    account["depends_on"]["nodes"].append(kgi["unique_id"])


def a_union_takes_rejected_rows(fake: Fake) -> None:
    node = fake.manifest["nodes"]["model.fake.int_unioned_leads"]
    node["compiled_code"] = node["compiled_code"].replace("where is_accepted", "")


def a_base_model_named_like_an_adapter(fake: Fake) -> None:
    fake.model("models/staging/generic/base/stg_generic__lead.sql")


def a_staging_model_without_its_system(fake: Fake) -> None:
    fake.model("models/staging/generic/stg_leads.sql")


def an_intermediate_model_named_like_a_mart(fake: Fake) -> None:
    fake.model("models/intermediate/fct_steps.sql")


def a_mart_named_freely(fake: Fake) -> None:
    fake.model("models/marts/core/leads_final.sql")


def no_grain_in_the_sql(fake: Fake) -> None:
    node = fake.model("models/intermediate/int_steps.sql")
    node["raw_code"] = "{#- Steps of a lead. -#}\nselect 1 -- Grain: one row per step"


def no_grain_in_the_yaml(fake: Fake) -> None:
    fake.model("models/intermediate/int_steps.sql", description="Steps of a lead.")


def no_key_test(fake: Fake) -> None:
    node = fake.model("models/intermediate/int_steps.sql", key=False)
    fake.test(node["unique_id"], "not_null", "lead_id")


def no_contract(fake: Fake) -> None:
    fake.model("models/marts/core/fct_calls.sql", config={"contract": {"enforced": False}})


def no_columns(fake: Fake) -> None:
    fake.model("models/marts/core/fct_calls.sql", columns={})


def a_column_without_a_description(fake: Fake) -> None:
    node = fake.model("models/marts/core/fct_calls.sql")
    node["columns"]["lead_id"]["description"] = " "


def a_column_of_one_engines_type(fake: Fake) -> None:
    node = fake.model("models/marts/core/fct_calls.sql")
    node["columns"]["lead_id"]["data_type"] = "hugeint"


def a_column_described(fake: Fake, data_type: str) -> None:
    """A mart whose YAML file says a type that dbt has rendered to `double`."""
    node = fake.model("models/marts/kpi/kpi_by_period.sql")
    node["columns"]["lead_id"]["data_type"] = "double"
    node["patch_path"] = "fake://models/marts/kpi/_kpi__models.yml"
    fake.file(
        "models/marts/kpi/_kpi__models.yml",
        f"""
        models:
          - name: kpi_by_period
            columns:
              - name: lead_id
                data_type: "{data_type}"
        """,
    )


def a_column_of_a_type_that_postgres_spells_differently(fake: Fake) -> None:
    a_column_described(fake, "double")


def a_column_without_a_type(fake: Fake) -> None:
    node = fake.model("models/marts/core/fct_calls.sql")
    node["columns"]["lead_id"].pop("data_type")


def a_seed_without_a_description(fake: Fake) -> None:
    fake.seed("seeds/mappings/stages.csv", description="")


def a_seed_column_without_a_description(fake: Fake) -> None:
    fake.seed("seeds/mappings/stages.csv", columns={})


def a_seed_without_a_key(fake: Fake) -> None:
    seed = fake.seed("seeds/mappings/stages.csv")["unique_id"]
    fake.manifest["nodes"].pop(f"test.fake.unique_{seed}_code")
    fake.test(seed, "not_null", "code")


def a_macro_file_of_another_name(fake: Fake) -> None:
    fake.macro("macros/helpers.sql", "trim_all")


def a_macro_without_documentation(fake: Fake) -> None:
    fake.macro("macros/trim_all.sql", "trim_all", documented=False)


def a_helper_used_elsewhere(fake: Fake) -> None:
    fake.macro("macros/trim_all.sql", "trim_all", calls=("trim_one",))
    fake.macro("macros/trim_all.sql", "trim_one", documented=False)
    fake.macro("macros/fold.sql", "fold", calls=("trim_one",))


def a_model_reads_the_clock(fake: Fake) -> None:
    fake.model("models/intermediate/int_steps.sql", "select current_date as today")


def a_model_reads_the_clock_of_dbt(fake: Fake) -> None:
    fake.model("models/intermediate/int_steps.sql", "select '{{ run_started_at }}' as at")


def a_macro_reads_the_clock(fake: Fake) -> None:
    fake.macro("macros/age.sql", "age", "{% macro age() %} now() {% endmacro %}")


def a_test_reads_the_clock(fake: Fake) -> None:
    fake.singular("fct_leads__is_fresh", "select 1 where x < current_timestamp")


def a_model_asks_for_the_target(fake: Fake) -> None:
    fake.model(
        "models/intermediate/int_steps.sql", "{% if target.type == 'spark' %} select 1 {% endif %}"
    )


def a_macro_speaks_one_dialect(fake: Fake) -> None:
    fake.macro("macros/latest.sql", "latest", "{% macro latest() %} arg_max(a, b) {% endmacro %}")


def sql_in_the_argument_of_a_macro_speaks_one_dialect(fake: Fake) -> None:
    fake.model("models/intermediate/int_steps.sql", "select {{ code_key('a::text') }} as a")


def a_typing_error_on_a_model(fake: Fake) -> None:
    fake.file("models/_models.yml", "models: [{name: a, desciption: b}]\n")


def a_typing_error_in_a_config(fake: Fake) -> None:
    fake.file("models/_models.yml", "models: [{name: a, config: {materialised: table}}]\n")


def a_typing_error_on_a_column(fake: Fake) -> None:
    fake.file("models/_models.yml", "models: [{name: a, columns: [{name: b, datatype: date}]}]\n")


def a_typing_error_in_a_test(fake: Fake) -> None:
    fake.file(
        "seeds/_seeds.yml",
        """\
        seeds:
          - name: a
            columns:
              - name: b
                data_tests: [unique, {accepted_values: {argument: {values: [1]}}}]
        """,
    )


def a_typing_error_in_a_unit_test(fake: Fake) -> None:
    fake.file(
        "models/_units.yml",
        "unit_tests: [{name: a, model: b, given: [{inputs: c}], expect: {rows: []}}]\n",
    )


def a_yaml_file_without_keys(fake: Fake) -> None:
    fake.file("models/_models.yml", "# nothing yet\n")


def a_file_at_the_top(fake: Fake) -> None:
    fake.file("notes.txt", "")


def a_fourth_kind_of_seed(fake: Fake) -> None:
    fake.file("seeds/misc/a.csv", "a\n")


def a_kpi_id_in_capitals(fake: Fake) -> None:
    fake.registry("kpi_definitions", "\ncalls_made,1", "\nCallsMade,1")


def a_signature_given_twice(fake: Fake) -> None:
    row = "calls_made,1,inside_sales,2026-03-17\n"
    fake.registry("kpi_signoffs", row, row + row)


def a_version_numbered_two(fake: Fake) -> None:
    fake.registry("kpi_definitions", "\ncalls_made,1", "\ncalls_made,2")


def a_unit_that_changes(fake: Fake) -> None:
    text = (fake.root / "seeds/registry/kpi_definitions.csv").read_text("utf-8")
    row = text.splitlines()[1]
    draft = row.replace(",1,agreed", ",2,draft").replace(",count,", ",jpy,")
    fake.registry("kpi_definitions", row, f"{row}\n{draft}")


def a_sign_off_that_is_missing(fake: Fake) -> None:
    fake.file("seeds/registry/kpi_departments.csv", "department_id\ninside_sales\nmarketing\n")
    fake.registry("kpi_definitions", "inside_sales,inside_sales", "inside_sales,marketing")


def a_kpi_of_an_unknown_measure(fake: Fake) -> None:
    fake.registry("kpi_definitions", "Calls made,calls_made,,", "Calls made,calls_made,,x")


def a_measure_of_no_kpi(fake: Fake) -> None:
    fake.file(
        "seeds/registry/measures.csv",
        """\
        measure_id,unit,counts_ja,counts_en,policy_ids,source_fields
        calls_made,count,発信,Dials,,leads.lead_id
        idle_hours,hours,時間,Hours,,leads.lead_id
        """,
    )


def a_rate_without_a_denominator(fake: Fake) -> None:
    fake.registry("kpi_definitions", "calls_made,,,,,count", "calls_made,,calls_made,,,rate")


def a_kpi_of_measures_and_of_a_distribution(fake: Fake) -> None:
    fake.registry("kpi_definitions", "calls_made,,,,,", "calls_made,,,speed_to_lead,median,")


def a_policy_that_is_not_allowed(fake: Fake) -> None:
    fake.registry("kpi_policies", ",30,", ",300,")


def a_policy_that_changes_alone(fake: Fake) -> None:
    fake.registry("measures", "Dials,,", "Dials,small_sample_below,")
    fake.registry(
        "kpi_policies",
        ",30,2000-01-01,,1-100,小標本,Small sample\n",
        ",30,2000-01-01,2026-03-31,1-100,小標本,Small sample\n"
        "small_sample_below,40,2026-04-01,,1-100,小標本,Small sample\n",
    )


def a_code_with_two_meanings(fake: Fake) -> None:
    fake.file("seeds/mappings/channels.csv", "code,means\na,x\na,y\n")


def a_field_of_no_extract(fake: Fake) -> None:
    fake.registry("measures", "leads.lead_id", "leads.shoe_size")


def a_name_that_the_funnel_does_not_say(fake: Fake) -> None:
    fake.registry("kpi_definitions", ",Calls made,", ",Dials,")


def a_measure_that_counts_something_else(fake: Fake) -> None:
    node = fake.manifest["nodes"]["model.fake.int_measures_calls"]
    node["compiled_code"] = "select 'calls_made' as measure_id, 2 as quantity"


def a_metric_of_no_kpi(fake: Fake) -> None:
    fake.file(
        "models/semantic/dials.yml",
        """\
        metrics:
          - {name: dials, type: simple, type_params: {measure: dials}}
        """,
    )


def a_published_table_without_a_description(fake: Fake) -> None:
    fake.manifest["sources"]["source.fake.published.kpi_revisions"]["description"] = ""


def a_column_of_a_published_table_without_a_description(fake: Fake) -> None:
    fake.published("kpi_revisions", description=" ")


def an_exposure_in_the_file_of_another(fake: Fake) -> None:
    of_review(fake)["original_file_path"] = "models/exposures/tables.yml"


def an_exposure_in_one_language(fake: Fake) -> None:
    of_review(fake)["label"] = "Monthly"


def an_exposure_described_in_one_language(fake: Fake) -> None:
    of_review(fake)["description"] = "The numbers of the month."


def an_exposure_without_a_maturity(fake: Fake) -> None:
    of_review(fake)["maturity"] = None


def an_exposure_of_no_department(fake: Fake) -> None:
    of_review(fake)["owner"] = {"name": "somebody"}


def an_exposure_of_a_command_that_does_not_exist(fake: Fake) -> None:
    of_review(fake)["config"]["meta"]["command"] = "make coffee"


def an_exposure_that_forgets_a_table(fake: Fake) -> None:
    of_review(fake)["depends_on"]["nodes"].remove("seed.fake.channels")


def an_exposure_that_forgets_a_published_table(fake: Fake) -> None:
    fake.model("models/marts/core/fct_calls.sql")


def an_exposure_that_names_a_table_too_many(fake: Fake) -> None:
    of_review(fake)["depends_on"]["nodes"].append("model.fake.int_leads")


def an_exposure_of_code_that_does_not_exist(fake: Fake) -> None:
    fake.exposure("dashboard", "model.fake.fct_leads")


def an_exposure_without_code(fake: Fake) -> None:
    of_review(fake)["config"]["meta"]["code"] = []


def a_consumer_reads_a_table_that_does_not_exist(fake: Fake) -> None:
    fake.file("scripts/kpi_warehouse/review/page.py", "SQL = 'from marts.fct_lead'")


def a_consumer_puts_a_name_together(fake: Fake) -> None:
    fake.file("scripts/kpi_warehouse/review/page.py", "sql = f'select * from marts.{table}'")


def a_consumer_without_an_exposure(fake: Fake) -> None:
    fake.file("scripts/kpi_warehouse/dashboard/app.py", "SQL = 'from marts.fct_leads'")


def of_review(fake: Fake) -> dict[str, Any]:
    return fake.manifest["exposures"]["exposure.fake.review"]


OF_THE_REGISTRY = {rule.__name__: rule for rule in registry.REGISTRY_RULES}
BREAKS: dict[Rule, tuple[Callable[[Fake], None], ...]] = {
    references.references_run_downstream: (
        intermediate_reads_a_mart,
        a_mart_reads_staging,
        staging_reads_intermediate,
        a_mart_reads_a_calendar_seed,
    ),
    references.staging_systems_stay_apart: (
        staging_reads_another_system,
        staging_reads_the_source_of_another_system,
    ),
    references.only_staging_reads_sources: (intermediate_reads_a_source,),
    references.only_accepted_rows_are_read: (
        a_cte_imports_rejected_rows,
        a_cte_filters_something_else,
        a_join_filters_one_of_two,
        a_union_filters_one_of_two,
        a_reference_that_cannot_be_followed,
    ),
    systems.only_unions_name_systems: (
        a_model_reads_one_system_alone,
        a_union_reads_the_model_of_another_object,
    ),
    systems.systems_are_named_in_their_folder: (
        a_model_names_a_system,
        a_macro_names_a_model_of_a_system,
        a_test_names_a_system,
    ),
    systems.systems_agree_with_staging: (
        a_system_feeds_an_object_without_a_model,
        a_system_feeds_no_common_object,
        a_system_has_a_model_and_does_not_feed_it,
        a_system_without_a_line,
        a_system_without_an_account,
    ),
    systems.systems_account_for_their_rows: (an_object_that_is_in_no_account,),
    systems.unions_take_accepted_rows: (a_union_takes_rejected_rows,),
    shape.model_names_say_their_layer: (
        a_staging_model_without_its_system,
        a_base_model_named_like_an_adapter,
        an_intermediate_model_named_like_a_mart,
        a_mart_named_freely,
    ),
    shape.models_state_their_grain: (no_grain_in_the_sql, no_grain_in_the_yaml),
    shape.models_have_a_key_test: (no_key_test,),
    shape.marts_have_a_contract: (
        no_contract,
        no_columns,
        a_column_without_a_description,
        a_column_without_a_type,
        a_published_table_without_a_description,
        a_column_of_a_published_table_without_a_description,
    ),
    shape.contract_types_are_portable: (
        a_column_of_one_engines_type,
        a_column_of_a_type_that_postgres_spells_differently,
    ),
    shape.seeds_are_described_and_tested: (
        a_seed_without_a_description,
        a_seed_column_without_a_description,
        a_seed_without_a_key,
    ),
    shape.macro_files_hold_one_documented_macro: (
        a_macro_file_of_another_name,
        a_macro_without_documentation,
        a_helper_used_elsewhere,
    ),
    sql_rules.nothing_reads_the_clock: (
        a_model_reads_the_clock,
        a_model_reads_the_clock_of_dbt,
        a_macro_reads_the_clock,
        a_test_reads_the_clock,
    ),
    sql_rules.sql_is_portable: (
        a_macro_speaks_one_dialect,
        sql_in_the_argument_of_a_macro_speaks_one_dialect,
    ),
    sql_rules.models_ignore_the_target: (a_model_asks_for_the_target,),
    yaml_keys.yaml_keys_are_known: (
        a_typing_error_on_a_model,
        a_typing_error_in_a_config,
        a_typing_error_on_a_column,
        a_typing_error_in_a_test,
        a_typing_error_in_a_unit_test,
        a_yaml_file_without_keys,
    ),
    layout.layout_is_known: (a_file_at_the_top, a_fourth_kind_of_seed),
    OF_THE_REGISTRY["registry_cells_are_readable"]: (a_kpi_id_in_capitals,),
    OF_THE_REGISTRY["registry_ids_are_unique"]: (a_signature_given_twice,),
    OF_THE_REGISTRY["versions_follow_each_other"]: (a_version_numbered_two,),
    OF_THE_REGISTRY["versions_keep_their_kind"]: (a_unit_that_changes,),
    OF_THE_REGISTRY["versions_are_signed"]: (a_sign_off_that_is_missing,),
    OF_THE_REGISTRY["measures_exist_and_are_used"]: (
        a_kpi_of_an_unknown_measure,
        a_measure_of_no_kpi,
    ),
    OF_THE_REGISTRY["kpis_are_counts_or_statistics"]: (a_kpi_of_measures_and_of_a_distribution,),
    OF_THE_REGISTRY["rates_have_a_denominator"]: (a_rate_without_a_denominator,),
    OF_THE_REGISTRY["policies_hold_at_all_times"]: (a_policy_that_is_not_allowed,),
    OF_THE_REGISTRY["policies_change_with_versions"]: (a_policy_that_changes_alone,),
    OF_THE_REGISTRY["mapping_rows_do_not_overlap"]: (a_code_with_two_meanings,),
    registry.source_fields_exist: (a_field_of_no_extract,),
    registry.funnel_follows_the_registry: (a_name_that_the_funnel_does_not_say,),
    registry.definitions_are_locked: (a_measure_that_counts_something_else,),
    semantics.metrics_and_registry_agree: (a_metric_of_no_kpi,),
    exposures.exposures_say_who_reads_what: (
        an_exposure_in_the_file_of_another,
        an_exposure_in_one_language,
        an_exposure_described_in_one_language,
        an_exposure_without_a_maturity,
        an_exposure_of_no_department,
        an_exposure_of_a_command_that_does_not_exist,
    ),
    exposures.exposures_read_what_they_name: (
        an_exposure_that_forgets_a_table,
        an_exposure_that_forgets_a_published_table,
        an_exposure_that_names_a_table_too_many,
        an_exposure_of_code_that_does_not_exist,
        an_exposure_without_code,
        a_consumer_reads_a_table_that_does_not_exist,
        a_consumer_puts_a_name_together,
    ),
    exposures.consumers_have_an_exposure: (a_consumer_without_an_exposure,),
}


def test_every_rule_is_shown_to_fail() -> None:
    assert set(BREAKS) == set(RULES)


def test_the_small_project_breaks_no_rule(fake: Fake) -> None:
    assert violations(Project(fake.root, fake.manifest)) == []


@pytest.mark.parametrize(
    ("rule", "breaks"),
    [
        pytest.param(rule, breaks, id=f"{rule.__name__}-{breaks.__name__}")
        for rule, cases in BREAKS.items()
        for breaks in cases
    ],
)
def test_rule_fires(fake: Fake, rule: Rule, breaks: Callable[[Fake], None]) -> None:
    breaks(fake)
    found = fake.broken(rule)
    assert len(found) == 1, found
    assert found[0].rule == rule.__name__


@pytest.mark.parametrize(
    "sql",
    [
        "select a from b qualify row_number() over (order by a) = 1",
        "select a::date from b",
        "select * exclude (a) from b",
        "select b.* exclude a from b",
        "select a, count(*) from b group by all",
        "select distinct on (a) a from b",
        "select max_by(a, c) from b",
        "select list(a) from b",
        "select string_agg(a, ',') from b",
        "select unnest(a) from b",
        "select try_cast(a as date) from b",
        "select median(a) from b",
        "select datediff('day', a, c) from b",
        "select extract(dow from a) from b",
        "select strftime(a, '%Y') from b",
        "select regexp_matches(a, 'x') from b",
        "select a ~ 'x' from b",
        "select a at time zone 'UTC' from b",
        "select ifnull(a, 1) from b",
        "select * from b anti join c using (a)",
        "select a from b union all by name select a from c",
        "select sum(columns(*)) from b",
        "select a // 2 from b",
        "select cast(a as varchar) from b",
        "select any_value(a) from b",
    ],
)
def test_what_one_engine_alone_takes_is_found(fake: Fake, sql: str) -> None:
    fake.model("models/intermediate/int_steps.sql", sql)
    assert fake.broken(sql_rules.sql_is_portable)


@pytest.mark.parametrize(
    "sql",
    [
        "select sum(a) filter (where is_excluded) as a from b group by c",
        "select {{ try_cast('a', 'date') }}, {{ list_agg('a') }} from b",
        "select cast(a as {{ dbt.type_string() }}) as a, extract(year from a) as year from b",
        "select a -- a::date, qualify\nfrom b {# current_date #} /* now() */",
        "{% for number in range(3) %} select {{ number ~ 'a' }} {% endfor %}",
        "select {{ dbt.datediff('a', 'b', 'day') }} from b where a is not distinct from b",
    ],
)
def test_what_every_engine_takes_is_let_through(fake: Fake, sql: str) -> None:
    fake.model("models/intermediate/int_steps.sql", sql)
    assert fake.broken(sql_rules.sql_is_portable) == []
    assert fake.broken(sql_rules.nothing_reads_the_clock) == []


@pytest.mark.parametrize(
    "sql",
    [
        "select * from {{ ref('stg_a__b') }} where is_accepted",
        "select * from {{ ref('stg_a__b') }} as b where max(1) = 1 and b.is_accepted",
        "select * from c left join {{ ref('stg_a__b') }} as b on c.id = b.id and is_accepted",
        "{{ chain('(select * from ' ~ ref('stg_a__b') ~ ' where is_accepted) as legs') }}",
    ],
)
def test_reads_of_accepted_rows_are_let_through(fake: Fake, sql: str) -> None:
    fake.model("models/intermediate/int_steps.sql", sql)
    assert fake.broken(references.only_accepted_rows_are_read) == []


def test_a_base_model_is_named_by_its_system(fake: Fake) -> None:
    fake.model("models/staging/generic/base/base_generic__lead.sql")
    assert fake.broken(shape.model_names_say_their_layer) == []


def test_only_the_folder_and_the_line_of_a_system_name_it(project: Project) -> None:
    """Without its line, and so without its part of every union, nothing reads a system."""
    united = {
        name
        for name, objects in systems.source_systems(project).items()
        if set(objects) - set(systems.ACCOUNT)
    }
    assert united
    for node in project.models("intermediate", "marts"):
        if node["name"].startswith(systems.UNION):
            continue
        read = {
            parent["original_file_path"].split("/")[2]
            for parent in project.parents(node)
            if parent["original_file_path"].startswith("models/staging/")
        }
        assert not read & united, node["name"]


def test_the_type_of_floating_point_numbers_is_a_var(fake: Fake) -> None:
    a_column_described(fake, "{{ var('double_type') }}")
    assert fake.broken(shape.contract_types_are_portable) == []


@pytest.mark.parametrize(
    ("reader_is", "readers", "broken"), [("table", 1, 0), ("view", 1, 1), ("table", 2, 1)]
)
def test_the_key_of_a_view_is_tested_by_what_stores_it(
    fake: Fake, reader_is: str, readers: int, broken: int
) -> None:
    view = fake.model(
        "models/intermediate/int_part.sql", key=False, config={"materialized": "view"}
    )
    for number in range(readers):
        fake.model(
            f"models/intermediate/int_whole_{number}.sql",
            reads=(view["unique_id"],),
            config={"materialized": reader_is},
        )
    assert len(fake.broken(shape.models_have_a_key_test)) == broken


def test_a_model_of_one_row_needs_no_key(fake: Fake) -> None:
    node = fake.model("models/intermediate/int_policies.sql", key=False)
    fake.test(node["unique_id"], "one_row", None)
    assert fake.broken(shape.models_have_a_key_test) == []


def test_macros_of_the_engine_folder_may_speak_one_dialect(fake: Fake) -> None:
    fake.macro("macros/engine/try_cast.sql", "try_cast", "try_cast(a as date)")
    fake.macro("macros/engine/try_cast.sql", "postgres__try_cast", "a::date", documented=False)
    assert fake.broken(sql_rules.sql_is_portable) == []
    assert fake.broken(shape.macro_files_hold_one_documented_macro) == []


def test_exceptions_are_let_through(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    no_key_test(fake)
    a_cte_imports_rejected_rows(fake)
    a_macro_reads_the_clock(fake)
    monkeypatch.setitem(shape.WITHOUT_KEY, "int_steps", "a reason")
    monkeypatch.setitem(references.READS_REJECTED_ROWS, "int_all", "a reason")
    monkeypatch.setitem(sql_rules.READS_CLOCK, "age", "a reason")
    assert violations(Project(fake.root, fake.manifest)) == []


def test_sql_of_keeps_the_texts_of_tags_only() -> None:
    assert sql_of("a {{ f('b::c') }} {% set d = 1 %} -- e").split() == ["a", "b::c", ";"]


# the command ------------------------------------------------------------------------------------


def check(fake: Fake, content: str | None) -> int:
    """Run the command on a manifest with this content; without content there is none."""
    if content is not None:
        fake.file("target/manifest.json", content)
    manifest = fake.root / "target" / "manifest.json"
    return check_project.main(["--root", str(fake.root), "--manifest", str(manifest)])


def test_command_prints_violations_and_fails(
    fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    no_key_test(fake)
    assert check(fake, json.dumps(fake.manifest)) == 1
    assert "models_have_a_key_test: int_steps: add" in capsys.readouterr().out


def test_command_passes_a_clean_project(fake: Fake) -> None:
    assert check(fake, json.dumps(fake.manifest)) == 0


def not_compiled(fake: Fake) -> str:
    """The manifest as `dbt parse` writes it."""
    for node in fake.manifest["nodes"].values():
        node.pop("compiled_code", None)
    return json.dumps(fake.manifest)


@pytest.mark.parametrize(
    "content",
    [lambda fake: None, lambda fake: "{", not_compiled],
    ids=["absent", "cut off", "not compiled"],
)
def test_command_says_what_is_missing(
    fake: Fake, capsys: pytest.CaptureFixture[str], content: Callable[[Fake], str | None]
) -> None:
    assert check(fake, content(fake)) == 2
    error = capsys.readouterr().err
    assert "manifest" in error
    assert len(error.splitlines()) == 1


def test_command_says_that_the_project_does_not_compile(
    fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_project.main(["--root", str(fake.root)]) == 2
    error = capsys.readouterr().err
    assert "cannot compile" in error
    assert len(error.splitlines()) == 1


# the project itself -----------------------------------------------------------------------------


def test_the_project_has_models_seeds_and_macros(project: Project) -> None:
    for layer in references.READS:
        assert list(project.models(layer)), f"no models in {layer}: the rules would see nothing"
    assert list(project.nodes("seed"))
    assert list(project.macros())
    assert {"monthly_review", "published_tables"} <= {
        exposure["name"] for exposure in project.manifest["exposures"].values()
    }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_rule(project: Project, rule: Rule) -> None:
    assert [str(violation) for violation in rule(project)] == []


@pytest.mark.parametrize(
    ("exceptions", "kind"),
    [
        (shape.WITHOUT_KEY, "model"),
        (references.READS_REJECTED_ROWS, "model"),
        (sql_rules.READS_CLOCK, "macro"),
    ],
    ids=["WITHOUT_KEY", "READS_REJECTED_ROWS", "READS_CLOCK"],
)
def test_exceptions_name_what_exists(
    project: Project, exceptions: dict[str, str], kind: str
) -> None:
    nodes = project.macros() if kind == "macro" else project.models()
    assert set(exceptions) <= {node["name"] for node in nodes}
    assert all(exceptions.values())


def test_what_is_no_consumer_exists() -> None:
    assert {path.name for path in (PROJECT_DIR / exposures.CODE).iterdir()} >= set(
        exposures.NO_CONSUMERS
    )
    assert all(exposures.NO_CONSUMERS.values())
