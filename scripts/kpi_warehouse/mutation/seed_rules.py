"""The errors that are planted in the registry and the mappings, read from the seeds as built."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import duckdb

Row = dict[str, Any]


@dataclass(frozen=True)
class SeedChange:
    """A row of a seed with other values, or without any: then the row is gone.

    Attributes:
        rule: The rule that made it.
        seed: Name of the seed.
        key: What identifies the row.
        values: The columns that change and what they become; None: the row is dropped.
        text: The change in words.
    """

    rule: str
    seed: str
    key: tuple[tuple[str, Any], ...]
    values: tuple[tuple[str, Any], ...] | None
    text: str

    @property
    def row(self) -> str:
        """The row's key in one word."""
        return ".".join(str(value) for _, value in self.key if value is not None)

    def apply(self, rows: list[dict[str, str]]) -> list[dict[str, str]]:
        """The rows of the seed's file with the change in them.

        Raises:
            ValueError: no row has the key, or several.
        """
        key = {column: cell(value) for column, value in self.key}
        found = [row for row in rows if key.items() <= row.items()]
        if len(found) != 1:
            raise ValueError(f"{len(found)} rows of {self.seed} are {self.row}")
        if self.values is None:
            return [row for row in rows if row is not found[0]]
        cells = {column: cell(value) for column, value in self.values}
        return [row | cells if row is found[0] else row for row in rows]

    def sql(self) -> tuple[str, list[Any]]:
        """The statement that makes the change, and its parameters."""
        where = " and ".join(f"{column} is not distinct from ?" for column, _ in self.key)
        keys = [value for _, value in self.key]
        if self.values is None:
            return f"delete from seeds.{self.seed} where {where}", keys
        sets = ", ".join(f"{column} = ?" for column, _ in self.values)
        return (
            f"update seeds.{self.seed} set {sets} where {where}",
            [value for _, value in self.values] + keys,
        )


def cell(value: Any) -> str:
    """A value as the seeds' files spell it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


@dataclass(frozen=True)
class Mapping:
    """A seed that gives codes their meaning, and where its codes occur.

    Attributes:
        seed: Name of the seed.
        code: Column of the code.
        occurs_in: Relations and expressions that hold codes as extracted; None: all are in use.
        labels: Columns that only name things.
    """

    seed: str
    code: str
    occurs_in: tuple[tuple[str, str], ...] | None
    labels: tuple[str, ...] = ()


def _unioned(common_object: str) -> str:
    return f"intermediate.int_unioned_{common_object}"


_TASKS, _EVENTS = "staging.base_salesforce__task", "staging.base_salesforce__event"
MAPPINGS = (
    Mapping("call_outcomes", "disposition_code", ((_unioned("calls"), "disposition"),)),
    Mapping("meeting_outcomes", "outcome_code", ((_unioned("appointments"), "outcome"),)),
    Mapping("meeting_judgements", "judgement_code", ((_unioned("appointments"), "judgement"),)),
    Mapping(
        "opportunity_stages",
        "stage_code",
        ((_unioned("opportunity_stage_history"), "stage"),),
        labels=("stage_rank",),
    ),
    Mapping("lead_statuses", "status_code", ((_unioned("lead_status_history"), "status"),)),
    Mapping("lead_sources", "source_code", ((_unioned("leads"), "source"),)),
    Mapping("departments", "department_code", ((_unioned("users"), "department"),)),
    Mapping("loss_reasons", "reason_code", ((_unioned("opportunities"), "loss_reason"),)),
    Mapping("rejection_reasons", "reason_code", ((_unioned("appointments"), "judgement_reason"),)),
    Mapping("company_sizes", "segment_id", None),
    Mapping(
        "activity_types",
        "activity_code",
        (
            (_TASKS, "'task.type=' || type"),
            (_TASKS, "'task.task_subtype=' || task_subtype"),
            (_TASKS, "'task.call_type=' || call_type"),
            (_TASKS, "'task.status=' || status"),
            (_EVENTS, "'event.type=' || type"),
            (_EVENTS, "'event.event_subtype=' || event_subtype"),
        ),
    ),
    Mapping("call_types", "call_type_code", (("staging.base_miitel__call", "call_type"),)),
    Mapping("email_kinds", "category_code", (("staging.base_sendgrid__event", "category"),)),
    Mapping(
        "history_fields",
        "field_code",
        (
            ("staging.base_salesforce__lead_history", "'lead_history.' || field"),
            (
                "staging.base_salesforce__opportunity_field_history",
                "'opportunity_field_history.' || field",
            ),
        ),
    ),
)
_NO_MEANING = {"valid_from", "valid_to", "note", "name_ja", "name_en", "sort_order"}

_KPI_FLAGS = (
    "has_event_basis",
    "has_cohort_basis",
    "is_subset_event",
    "is_subset_cohort",
    "has_channel",
    "has_rep",
    "has_team",
    "is_targetable",
)
_ONE_DAY = timedelta(days=1)


def seed_changes(connection: duckdb.DuckDBPyConnection) -> Iterator[SeedChange]:
    """Every change of the seeds that the rules allow.

    For each rule and column the rows that matter most come first: KPIs and policies in force as
    they are ordered, codes by how often they occur.
    """
    yield from _kpi_changes(_rows(connection, "select * from seeds.kpi_definitions"))
    yield from _signoff_changes(connection)
    yield from _measure_changes(connection)
    yield from _policy_changes(_rows(connection, "select * from seeds.kpi_policies"))
    for mapping in MAPPINGS:
        yield from _mapping_changes(connection, mapping)
    yield from _machine_changes(connection)


def _kpi_changes(definitions: Sequence[Row]) -> Iterator[SeedChange]:
    agreed = [row for row in definitions if row["status"] == "agreed"]
    measures = sorted({row["numerator_measure_id"] for row in agreed} - {None})
    distributions = sorted({row["distribution_id"] for row in agreed} - {None})
    statistics = sorted({row["statistic"] for row in agreed} - {None})
    for row in agreed:
        key = (("kpi_id", row["kpi_id"]), ("version", row["version"]))

        def change(rule: str, key: tuple = key, row: Row = row, **values: Any) -> SeedChange:
            text = ", ".join(f"{name} {row[name]} → {value}" for name, value in values.items())
            return SeedChange(rule, "kpi_definitions", key, tuple(values.items()), text)

        top, bottom = row["numerator_measure_id"], row["denominator_measure_id"]
        if top:
            others = [name for name in measures if name not in (top, bottom)]
            following = [name for name in others if name > top] or others
            yield change("kpi_measure", numerator_measure_id=following[0])
        for column, names in (("distribution_id", distributions), ("statistic", statistics)):
            if row[column] and len(names) > 1:
                others = [name for name in names if name != row[column]]
                later = [name for name in others if name > row[column]] or others
                yield change(f"kpi_{column.removesuffix('_id')}", **{column: later[0]})
        if bottom:
            yield change("kpi_swap_ratio", numerator_measure_id=bottom, denominator_measure_id=top)
            yield change("kpi_measure", denominator_measure_id=following[0])
            yield change("kpi_drop_denominator", denominator_measure_id=None)
            yield change("kpi_sample", sample_measure_id=following[0])
        for flag in _KPI_FLAGS:
            yield change("kpi_flag", **{flag: not row[flag]})
        for step in (1, -1):
            if row["maturity_days"] + step >= 0:
                yield change("kpi_maturity", maturity_days=row["maturity_days"] + step)
        yield change("kpi_status", status="draft")
        yield change("kpi_validity", effective_from=row["effective_from"] + _ONE_DAY)
        departments = str(row["required_signoffs"]).split("|")
        if len(departments) > 1:
            fewer = "|".join(departments[:-1])
            yield change("kpi_required_signoffs", required_signoffs=fewer)


def _signoff_changes(connection: duckdb.DuckDBPyConnection) -> Iterator[SeedChange]:
    for row in _rows(
        connection, "select * from seeds.kpi_signoffs order by kpi_id, version, department_id"
    ):
        key = tuple((name, row[name]) for name in ("kpi_id", "version", "department_id"))
        yield SeedChange("signoff_missing", "kpi_signoffs", key, None, "the sign-off → nothing")


def _measure_changes(connection: duckdb.DuckDBPyConnection) -> Iterator[SeedChange]:
    for row in _rows(
        connection, "select * from seeds.measures where policy_ids is not null order by measure_id"
    ):
        key = (("measure_id", row["measure_id"]),)
        text = f"policy_ids {row['policy_ids']} → None"
        yield SeedChange("measure_policies", "measures", key, (("policy_ids", None),), text)


def _policy_changes(policies: Sequence[Row]) -> Iterator[SeedChange]:
    for row in policies:
        key = (("policy_id", row["policy_id"]), ("effective_from", row["effective_from"]))
        value = str(row["policy_value"])
        if value.isdigit():
            others = [str(int(value) + 1), str(int(value) - 1)]
        else:
            allowed = str(row["allowed_values"]).replace("|", " ").split()
            others = [other for other in allowed if other != value]
        for other in others:
            text = f"{value} → {other}"
            yield SeedChange("policy", "kpi_policies", key, (("policy_value", other),), text)
        later = row["effective_from"] + _ONE_DAY
        text = f"effective_from {row['effective_from']} → {later}"
        yield SeedChange("policy_validity", "kpi_policies", key, (("effective_from", later),), text)


def _mapping_changes(
    connection: duckdb.DuckDBPyConnection, mapping: Mapping
) -> Iterator[SeedChange]:
    rows = _rows_in_use(connection, mapping)
    everything = _rows(connection, f"select * from seeds.{mapping.seed}")
    skipped = _NO_MEANING | {mapping.code} | set(mapping.labels)
    for row in rows:
        key = tuple(
            (column, row[column]) for column in (mapping.code, "valid_from") if column in row
        )
        for column, value in row.items():
            if column in skipped:
                continue
            for other in _others(value, [line[column] for line in everything]):
                rule = f"meaning_{mapping.seed}.{column}"
                text = f"{column} {value} → {other}"
                yield SeedChange(rule, mapping.seed, key, ((column, other),), text)
        rule = f"unmapped_{mapping.seed}"
        yield SeedChange(rule, mapping.seed, key, None, "the row → nothing")


def _others(value: Any, known: Sequence[Any]) -> list[Any]:
    """What else could stand there: the contrary, a neighbouring number, the next known text."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    texts = sorted({text for text in known if isinstance(text, str)})
    if value is None:
        return texts[:1]
    return [texts[(texts.index(value) + 1) % len(texts)]] if len(texts) > 1 else []


def _machine_changes(connection: duckdb.DuckDBPyConnection) -> Iterator[SeedChange]:
    rows = _rows(
        connection,
        """
        select patterns.pattern, patterns.match_kind, count(*) as occurrences
        from seeds.machine_user_agents as patterns
        inner join intermediate.int_unioned_email_events as events
            on events.is_machine is null and (
                (patterns.match_kind = 'exact' and lower(events.user_agent) = patterns.pattern)
                or (
                    patterns.match_kind = 'contains'
                    and contains(lower(events.user_agent), patterns.pattern)
                )
            )
        group by patterns.pattern, patterns.match_kind
        order by occurrences desc, patterns.pattern
        """,
    )
    for row in rows:
        key = (("pattern", row["pattern"]),)
        seed = "machine_user_agents"
        yield SeedChange(f"unmapped_{seed}", seed, key, None, "the row → nothing")


def _rows_in_use(connection: duckdb.DuckDBPyConnection, mapping: Mapping) -> list[Row]:
    if mapping.occurs_in is None:
        return _rows(connection, f"select * from seeds.{mapping.seed} order by {mapping.code}")
    used = " union all ".join(
        f"select nullif(lower(trim({code})), '') as used_code from {relation}"
        for relation, code in mapping.occurs_in
    )
    return _rows(
        connection,
        f"""
        with counted as (
            select used_code, count(*) as occurrences from ({used}) as used group by used_code
        )

        select seeds.* from seeds.{mapping.seed} as seeds
        inner join counted on seeds.{mapping.code} = counted.used_code
        order by counted.occurrences desc, seeds.{mapping.code}
        """,
    )


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
