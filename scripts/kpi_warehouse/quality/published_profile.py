"""What the published marts look like, counted by DuckDB: small frames without a single value."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from statistics import median

import duckdb
import pandas as pd

from kpi_warehouse.quality import limits
from kpi_warehouse.quality.published_contract import KPI_MARTS, MARTS, Mart

# An address has an @ between a name and a domain, full-width ones too. The look of a phone number:
# +81 or 0 with groups in between anywhere; all digits only as a whole value, not in an id, where
# any digits may stand. Letters, digits or hyphens on either side make it a part of an id.
_EMAIL = "[^[:space:]@＠]+[@＠][^[:space:]@＠]+[.．][A-Za-zＡ-Ｚａ-ｚ]{2,}"
_GROUPED_PHONE = (
    "(^|[^0-9A-Za-z-])(0[0-9]{1,4}[-‐ー ][0-9]{1,4}[-‐ー ][0-9]{3,4}"
    "|[(]0[0-9]{1,4}[)] ?[0-9]{1,4}-[0-9]{3,4}"
    "|[+]81[ 0-9()-]{8,})($|[^0-9A-Za-z-])"
)
_PLAIN_PHONE = "^([+][1-9][0-9]{9,14}|0[1-9][0-9]{8,9})$"

# SQL: whether the numerator of a row has to be a part of its denominator
_IS_PART = "case rows.basis when 'event' then kpis.is_subset_event else kpis.is_subset_cohort end"

# amounts are added as floating point here
_DECIMALS = 2

# period_grain -> how the period after a period is reached
_NEXT_PERIOD = {
    "week": "7 days",
    "month": "1 month",
    "quarter": "3 months",
    "half": "6 months",
    "fiscal_year": "12 months",
}


def profile_marts(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """One row per promised table: is it there, its rows, columns, types, keys, personal data.

    Text columns name what is wrong, such as columns, and are empty if nothing is.
    """
    published = _types(connection)
    return pd.DataFrame([_mart_row(connection, mart, published) for mart in MARTS])


def profile_registry(connection: duckdb.DuckDBPyConnection, kpi_definitions: Path) -> pd.DataFrame:
    """One row per KPI of the registry and basis: is it defined, and in each mart it must be in.

    `missing_in` names the marts without a row of it, empty if there are none.
    """
    with kpi_definitions.open(encoding="utf-8", newline="") as stream:
        kpi_ids = sorted({row["kpi_id"] for row in csv.DictReader(stream)})
    flags = {
        row[0]: row[1:]
        for row in connection.execute(
            """
            select
                kpi_id,
                bool_or(has_event_basis), bool_or(has_cohort_basis),
                true, bool_or(has_channel), bool_or(has_rep), bool_or(has_team)
            from marts.dim_kpis
            where is_published
            group by kpi_id
            """
        ).fetchall()
    }
    defined = {
        kpi_id for (kpi_id,) in connection.execute("select kpi_id from marts.dim_kpis").fetchall()
    }
    found = {
        (mart.name, *row)
        for mart in KPI_MARTS
        for row in connection.execute(
            f"select distinct kpi_id, basis from marts.{mart.name}"
        ).fetchall()
    }
    rows = []
    for kpi_id in sorted({*kpi_ids, *flags}):
        has_basis, in_marts = (
            flags.get(kpi_id, (False,) * 6)[:2],
            flags.get(kpi_id, (False,) * 6)[2:],
        )
        for basis, is_published in zip(("event", "cohort"), has_basis, strict=True):
            missing = [
                mart.name
                for mart, is_in in zip(KPI_MARTS, in_marts, strict=True)
                if is_published and is_in and (mart.name, kpi_id, basis) not in found
            ]
            rows.append(
                {
                    "kpi_id": kpi_id,
                    "basis": basis,
                    "is_defined": kpi_id in defined,
                    "missing_in": ", ".join(missing),
                }
            )
    return pd.DataFrame(rows)


def profile_values(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """One row per KPI mart, KPI and basis: how many of its rows break a rule of arithmetic.

    A rate whose numerator the registry calls a part of its denominator lies within 0 and 1.
    """
    frames = [
        connection.execute(
            f"""
            select
                '{mart.name}' as mart,
                rows.kpi_id,
                rows.basis,
                count(*) as rows,
                count(*) filter (
                    where
                        kpis.unit = 'rate'
                        and (rows.value < 0 or (rows.value > 1 and {_IS_PART}))
                ) as rates_out_of_range,
                count(*) filter (
                    where rows.numerator > rows.denominator and {_IS_PART}
                ) as numerators_too_large,
                count(*) filter (
                    where rows.numerator < 0 or rows.denominator < 0
                ) as negative_counts,
                count(*) filter (
                    where
                        case
                            -- a statistic is no quotient: it has cases, and none without them
                            when kpis.statistic is not null
                                then
                                    rows.numerator is not null
                                    or (rows.denominator = 0 and rows.value is not null)
                            when kpis.denominator_measure_id is null
                                then rows.value is distinct from cast(rows.numerator as double)
                            when coalesce(rows.denominator, 0) = 0 then rows.value is not null
                            else
                                rows.value is null
                                or abs(rows.value * rows.denominator - rows.numerator)
                                > 1e-9 * greatest(abs(rows.numerator), 1)
                        end
                ) as wrong_quotients,
                count(*) filter (
                    where
                        not rows.value between rows.ci_low - 1e-9 and rows.ci_high + 1e-9
                        and {_IS_PART}
                ) as wrong_intervals
            from marts.{mart.name} as rows
            inner join marts.dim_kpis as kpis
                on
                    rows.kpi_id = kpis.kpi_id
                    and rows.definition_version = kpis.version
            group by rows.kpi_id, rows.basis
            order by rows.kpi_id, rows.basis
            """
        ).df()
        for mart in KPI_MARTS
    ]
    return pd.concat(frames, ignore_index=True)


def profile_periods(connection: duckdb.DuckDBPyConnection, as_of_date: dt.date) -> pd.DataFrame:
    """One row per KPI mart without holes, and grain: periods missing, behind, or wrongly open.

    At day grain there is a row only where something happened, so no day is missed.
    """
    steps = ", ".join(f"('{grain}', interval '{step}')" for grain, step in _NEXT_PERIOD.items())
    return connection.execute(
        f"""
        with
        periods as (
            select distinct period_grain, period_start, period_end, is_complete
            from marts.kpi_by_period
            where basis = 'event'
        ),
        ends as (
            select max(period_end) filter (where is_complete) as last_complete from periods
        ),
        following as (
            select
                periods.*,
                lead(period_start) over (
                    partition by periods.period_grain order by period_start
                ) as next_start,
                cast(period_start + steps.step as date) as expected_start
            from periods
            inner join (values {steps}) as steps (period_grain, step)
                on periods.period_grain = steps.period_grain
        )
        select
            grains.period_grain,
            coalesce(holes.periods, 0) as holes,
            date_diff('day', grains.last_end, $as_of_date) as days_behind,
            coalesce(grains.wrongly_open, 0) as wrongly_open
        from (
            select
                period_grain,
                max(period_end) as last_end,
                count(*) filter (
                    where not is_complete and period_end < ends.last_complete
                ) as wrongly_open
            from periods
            cross join ends
            group by period_grain
        ) as grains
        left join (
            select period_grain, count(*) as periods
            from following
            where next_start <> expected_start
            group by period_grain
        ) as holes
            on grains.period_grain = holes.period_grain
        order by grains.period_grain
        """,
        {"as_of_date": as_of_date},
    ).df()


def profile_funnel(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """One row per published KPI of the event basis that exists by channel.

    Returns:
        has_column; differing_cells, where the wide funnel and the long mart are not equal; and for
        what adds up largest_gap, between the channels' sum and the total, NULL for the others.
    """
    columns = _types(connection).get("funnel_by_channel_period", {})
    kpis = connection.execute(
        """
        select kpi_id, bool_and(is_additive)
        from marts.dim_kpis
        where is_published and has_event_basis and has_channel
        group by kpi_id
        order by kpi_id
        """
    ).fetchall()
    rows = []
    for kpi_id, is_additive in kpis:
        has_column = kpi_id in columns
        rows.append(
            {
                "kpi_id": kpi_id,
                "has_column": has_column,
                "differing_cells": _differing_cells(connection, kpi_id) if has_column else None,
                "largest_gap": _largest_gap(connection, kpi_id)
                if has_column and is_additive
                else None,
            }
        )
    return pd.DataFrame(rows)


def profile_volumes(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """One row per KPI of `VOLUME_KPIS`: the last complete month against those before it.

    volume_ratio is NULL where there are too few months or events to say.
    """
    rows = []
    for kpi_id in limits.VOLUME_KPIS:
        months = connection.execute(
            """
            select period_start, numerator
            from marts.kpi_by_period
            where
                kpi_id = $kpi_id and basis = 'event' and period_grain = 'month' and is_complete
            order by period_start desc
            limit $months
            """,
            {"kpi_id": kpi_id, "months": limits.TRAILING_MONTHS + 1},
        ).fetchall()
        usual = median(float(count) for _, count in months[1:]) if len(months) > 1 else 0.0
        is_enough = (
            len(months) > limits.FEWEST_TRAILING_MONTHS
            and usual >= limits.FEWEST_EVENTS_FOR_VOLUMES
        )
        rows.append(
            {
                "kpi_id": kpi_id,
                "month": f"{months[0][0]:%Y-%m}" if months else "",
                "events": float(months[0][1]) if months else None,
                "usual": usual,
                "volume_ratio": float(months[0][1]) / usual if is_enough else None,
            }
        )
    return pd.DataFrame(rows)


def _types(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    rows = connection.execute(
        """
        select table_name, column_name, data_type
        from duckdb_columns()
        where schema_name = 'marts' and database_name = current_database()
        """
    ).fetchall()
    types: dict[str, dict[str, str]] = {}
    for table, column, data_type in rows:
        types.setdefault(table, {})[column] = data_type
    return types


def _mart_row(
    connection: duckdb.DuckDBPyConnection, mart: Mart, published: dict[str, dict[str, str]]
) -> dict[str, object]:
    types = published.get(mart.name)
    row: dict[str, object] = {"mart": mart.name, "is_published": types is not None}
    if types is None:
        return row
    row["missing_columns"] = ", ".join(name for name in mart.columns if name not in types)
    row["changed_types"] = ", ".join(
        f"{name} is {types[name]}, not {promised}"
        for name, promised in mart.columns.items()
        if types.get(name, promised) != promised
    )
    (count,) = connection.execute(f"select count(*) from marts.{mart.name}").fetchone()
    row["rows"] = None if mart.may_be_empty else count
    if all(name in types for name in mart.key):
        keys = ", ".join(f'"{name}"' for name in mart.key)
        (row["repeated_keys"],) = connection.execute(
            f"""
            select count(*)
            from (select 1 from marts.{mart.name} group by {keys} having count(*) > 1)
            """
        ).fetchone()
        if not mart.has_empty_keys:
            is_empty = " or ".join(f'"{name}" is null' for name in mart.key)
            (row["empty_keys"],) = connection.execute(
                f"select count(*) from marts.{mart.name} where {is_empty}"
            ).fetchone()
    row["personal_columns"] = ", ".join(_personal_columns(connection, mart, types))
    return row


def _personal_columns(
    connection: duckdb.DuckDBPyConnection, mart: Mart, types: dict[str, str]
) -> list[str]:
    """The text columns that hold the look of an address or number, with how many rows do."""
    texts = [name for name, kind in types.items() if kind == "VARCHAR" and name not in mart.people]
    if not texts:
        return []
    parts = []
    for name in texts:
        looks = [f'regexp_matches("{name}", $email)', f'regexp_matches("{name}", $grouped)']
        if not name.endswith(("_id", "_key")):
            looks.append(f'regexp_matches("{name}", $plain)')
        parts.append(f"count(*) filter (where {' or '.join(looks)})")
    counts = connection.execute(
        f"select {', '.join(parts)} from marts.{mart.name} "
        "where $email <> '' and $grouped <> '' and $plain <> ''",
        {"email": _EMAIL, "grouped": _GROUPED_PHONE, "plain": _PLAIN_PHONE},
    ).fetchone()
    return [f"{name} ({count} rows)" for name, count in zip(texts, counts, strict=True) if count]


def _differing_cells(connection: duckdb.DuckDBPyConnection, kpi_id: str) -> int:
    (count,) = connection.execute(
        f"""
        select count(*)
        from marts.funnel_by_channel_period as funnel
        full join (
            select period_grain, period_start, channel_id, value
            from marts.kpi_by_channel_period
            where kpi_id = $kpi_id and basis = 'event'
        ) as kpis
            on
                funnel.period_grain = kpis.period_grain
                and funnel.period_start = kpis.period_start
                and funnel.channel_id = kpis.channel_id
        where funnel."{kpi_id}" is distinct from kpis.value
        """,
        {"kpi_id": kpi_id},
    ).fetchone()
    return count


def _largest_gap(connection: duckdb.DuckDBPyConnection, kpi_id: str) -> float:
    (gap,) = connection.execute(
        f"""
        select max(abs(coalesce(channels.quantity, 0) - coalesce(totals.numerator, 0)))
        from (
            select period_grain, period_start, sum("{kpi_id}") as quantity
            from marts.funnel_by_channel_period
            group by period_grain, period_start
        ) as channels
        full join (
            select period_grain, period_start, numerator
            from marts.kpi_by_period
            where kpi_id = $kpi_id and basis = 'event'
        ) as totals
            on
                channels.period_grain = totals.period_grain
                and channels.period_start = totals.period_start
        """,
        {"kpi_id": kpi_id},
    ).fetchone()
    return round(float(gap or 0), _DECIMALS)
