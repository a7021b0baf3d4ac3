"""Which part of the marts is looked at, and how the address of a page writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import duckdb

from kpi_warehouse.published import Text, read_rows, text_of
from kpi_warehouse.review.numbers import JA, LANGUAGES

ALL = "all"
EVENT, COHORT = "event", "cohort"
BASES = {
    EVENT: Text("発生日基準", "By date of the event"),
    COHORT: Text("獲得日基準(コホート)", "By date of acquisition (cohort)"),
}
DAY, WEEK, MONTH, QUARTER, HALF, FISCAL_YEAR = (
    "day",
    "week",
    "month",
    "quarter",
    "half",
    "fiscal_year",
)
GRAINS = {
    DAY: Text("日", "Day"),
    WEEK: Text("週", "Week"),
    MONTH: Text("月", "Month"),
    QUARTER: Text("四半期", "Quarter"),
    HALF: Text("半期", "Half-year"),
    FISCAL_YEAR: Text("年度", "Fiscal year"),
}
# what is not kept by day and week is shown of the month that holds it
LONG_GRAINS = (MONTH, QUARTER, HALF, FISCAL_YEAR)
# periods that a trend begins before the one shown, if nothing else is asked for
_BEFORE = {DAY: 29, WEEK: 25, MONTH: 12, QUARTER: 7, HALF: 5, FISCAL_YEAR: 4}
DEFAULT_KPI = "meetings"
DEFAULT_STAGE = "meeting"


@dataclass(frozen=True)
class Period:
    """A period of the marts.

    Attributes:
        is_complete: whether it is over; what is not is never compared with what is.
    """

    grain: str
    start: date
    end: date
    is_complete: bool
    label: Text


@dataclass(frozen=True)
class Kpi:
    """A KPI by the version of its definition that is in force."""

    kpi_id: str
    name: Text
    phase: str
    unit: str
    polarity: str
    owner: str
    numerator_unit: str
    denominator_unit: str
    has_event_basis: bool
    has_cohort_basis: bool
    has_channel: bool
    has_team: bool
    has_rep: bool
    is_quantity: bool

    @property
    def is_ratio(self) -> bool:
        """Whether it is read with its denominator."""
        return self.unit == "rate"

    @property
    def shown_unit(self) -> str:
        """The unit that a value is written in: yen per deal are yen."""
        is_yen = self.numerator_unit == "jpy" and self.denominator_unit != "jpy"
        return "jpy" if self.unit == "ratio" and is_yen else self.unit

    def has_basis(self, basis: str) -> bool:
        """Whether it is counted by this basis."""
        return self.has_cohort_basis if basis == COHORT else self.has_event_basis


@dataclass(frozen=True)
class Choices:
    """What can be looked at in one version of the marts, in the order that the registry gives.

    Attributes:
        channels: those with leads or calls; a lead's channel never appears and is not listed.
        teams: those with values of their own.
        small_sample_below: cases below which a rate is greyed.
    """

    as_of: date
    periods: Mapping[str, tuple[Period, ...]]
    channels: Mapping[str, Text]
    teams: tuple[str, ...]
    kpis: Mapping[str, Kpi]
    stages: Mapping[str, Text]
    departments: Mapping[str, Text]
    small_sample_below: int

    def period(self, grain: str, day: date | None) -> Period | None:
        """The period of a grain that holds a day; without a day the last that is over."""
        periods = self.periods.get(grain, ())
        if day is None:
            over = [each for each in periods if each.is_complete]
            return (over or list(periods) or [None])[-1]
        return next((each for each in periods if each.start <= day <= each.end), None)

    def before(self, period: Period) -> Period | None:
        """The period just before one."""
        earlier = [each for each in self.periods[period.grain] if each.start < period.start]
        return earlier[-1] if earlier else None

    def usual_start(self, period: Period) -> Period:
        """Where a trend up to a period begins, if nothing else is asked for."""
        upto = [each for each in self.periods[period.grain] if each.start <= period.start]
        return upto[-1 - min(_BEFORE[period.grain], len(upto) - 1)]

    def between(self, first: Period, last: Period) -> tuple[Period, ...]:
        """The periods from one to another."""
        return tuple(
            each for each in self.periods[last.grain] if first.start <= each.start <= last.start
        )


@dataclass(frozen=True)
class View:
    """What is looked at; a page uses the part that it names.

    Attributes:
        period: the period shown.
        since: the first period of trends.
        channel: channel_id, or `all`.
        team: a team, or `all`; the marts split by channel or by team, not by both.
    """

    language: str
    period: Period
    since: Period
    channel: str = ALL
    team: str = ALL
    basis: str = EVENT
    kpi: str = DEFAULT_KPI
    stage: str = DEFAULT_STAGE

    @property
    def grain(self) -> str:
        """The grain of both periods."""
        return self.period.grain

    def say(self, ja: str, en: str) -> str:
        """The one of both that its language asks for."""
        return ja if self.language == JA else en

    def of(self, text: Text) -> str:
        """A text in its language."""
        return self.say(text.ja, text.en)

    def of_long_grain(self, choices: Choices) -> View:
        """The same by month, if it is by day or week."""
        if self.grain in LONG_GRAINS:
            return self
        return self.of_grain(choices, MONTH)

    def of_grain(self, choices: Choices, grain: str) -> View:
        """The same by another grain.

        That is the last period that is over and lies in the one shown, else the one that holds its
        end; its trend begins as by default.
        """
        shown = self.period
        inside = [
            each
            for each in choices.periods[grain]
            if shown.start <= each.end <= shown.end and each.is_complete
        ]
        period = inside[-1] if inside else choices.period(grain, min(shown.end, choices.as_of))
        period = period or choices.period(grain, None)
        return replace(self, period=period, since=choices.usual_start(period))

    def to_query(self) -> dict[str, str]:
        """As the address writes it, the language and what differs from the default."""
        query = {
            "lang": self.language,
            "grain": self.grain,
            "period": self.period.start.isoformat(),
            "from": self.since.start.isoformat(),
            "channel": self.channel,
            "team": self.team,
            "basis": self.basis,
            "kpi": self.kpi,
            "stage": self.stage,
        }
        usual = {
            "channel": ALL,
            "team": ALL,
            "basis": EVENT,
            "kpi": DEFAULT_KPI,
            "stage": DEFAULT_STAGE,
        }
        return {name: value for name, value in query.items() if usual.get(name) != value}


def from_query(query: Mapping[str, str], choices: Choices) -> View:
    """The view that an address asks for; what it does not say or nobody knows is as by default."""

    def known(name: str, values: object, default: str) -> str:
        given = query.get(name, "")
        return given if given in values else default

    grain = known("grain", choices.periods, MONTH)
    period = choices.period(grain, _day(query.get("period"))) or choices.period(grain, None)
    since = choices.period(grain, _day(query["from"])) if _day(query.get("from")) else None
    if since is None or since.start > period.start:
        since = choices.usual_start(period)
    return View(
        language=known("lang", LANGUAGES, JA),
        period=period,
        since=since,
        channel=known("channel", choices.channels, ALL),
        team=known("team", choices.teams, ALL),
        basis=known("basis", BASES, EVENT),
        kpi=known("kpi", choices.kpis, DEFAULT_KPI),
        stage=known("stage", choices.stages, DEFAULT_STAGE),
    )


def read_choices(connection: duckdb.DuckDBPyConnection, as_of: date) -> Choices:
    """What can be looked at.

    Raises duckdb.CatalogException or duckdb.BinderException if these are not marts of this
    project, or of an older state of it.
    """
    periods: dict[str, list[Period]] = {grain: [] for grain in GRAINS}
    for row in read_rows(
        connection,
        """
        select distinct
            kpis.period_grain, kpis.period_start, kpis.period_end, kpis.is_complete,
            dates.fiscal_year, dates.fiscal_half, dates.fiscal_quarter
        from marts.kpi_by_period as kpis
        inner join marts.dim_dates as dates on kpis.period_start = dates.date_day
        order by kpis.period_start
        """,
    ):
        periods[row["period_grain"]].append(
            Period(
                grain=row["period_grain"],
                start=row["period_start"],
                end=row["period_end"],
                is_complete=row["is_complete"],
                label=_label(row),
            )
        )
    channels = read_rows(
        connection,
        """
        select channel_id, name_ja, name_en
        from marts.dim_channels
        where channel_id in (
            select channel_id
            from marts.kpi_by_channel_period
            where period_grain = 'fiscal_year' and numerator > 0
        )
        order by sort_order, channel_id
        """,
    )
    teams = read_rows(
        connection,
        """
        select distinct team
        from marts.kpi_by_team_period
        where period_grain = 'fiscal_year' and numerator > 0
        order by team
        """,
    )
    kpis = read_rows(
        connection,
        """
        select
            kpis.*,
            coalesce(numerators.unit, 'count') as numerator_unit,
            coalesce(denominators.unit, 'count') as denominator_unit
        from marts.dim_kpis as kpis
        left join seeds.measures as numerators
            on kpis.numerator_measure_id = numerators.measure_id
        left join seeds.measures as denominators
            on kpis.denominator_measure_id = denominators.measure_id
        where kpis.is_current and kpis.is_published
        order by kpis.sort_order, kpis.kpi_id
        """,
    )
    stages = read_rows(
        connection, "select stage_id, name_ja, name_en from seeds.funnel_stages order by sort_order"
    )
    departments = read_rows(
        connection,
        "select department_id, name_ja, name_en from seeds.kpi_departments order by sort_order",
    )
    (limit,) = read_rows(
        connection,
        """
        select max(cast(policy_value as integer)) as small_sample_below
        from seeds.kpi_policies
        where
            policy_id = 'small_sample_below'
            and effective_from <= $as_of
            and coalesce(effective_to, $as_of) >= $as_of
        """,
        {"as_of": as_of},
    )
    return Choices(
        as_of=as_of,
        periods={grain: tuple(found) for grain, found in periods.items() if found},
        channels={row["channel_id"]: text_of(row, "name") for row in channels},
        teams=tuple(row["team"] for row in teams),
        kpis={row["kpi_id"]: _kpi(row) for row in kpis},
        stages={row["stage_id"]: text_of(row, "name") for row in stages},
        departments={row["department_id"]: text_of(row, "name") for row in departments},
        small_sample_below=limit["small_sample_below"] or 0,
    )


def _kpi(row: Mapping[str, object]) -> Kpi:
    return Kpi(
        kpi_id=row["kpi_id"],
        name=text_of(row, "name"),
        phase=row["phase"],
        unit=row["unit"],
        polarity=row["polarity"],
        owner=row["owner_department"],
        numerator_unit=row["numerator_unit"],
        denominator_unit=row["denominator_unit"],
        has_event_basis=row["has_event_basis"],
        has_cohort_basis=row["has_cohort_basis"],
        has_channel=row["has_channel"],
        has_team=row["has_team"],
        has_rep=row["has_rep"],
        is_quantity=row["quantity_or_quality"] == "quantity",
    )


def _label(row: Mapping[str, object]) -> Text:
    start, end, year = row["period_start"], row["period_end"], row["fiscal_year"]
    match row["period_grain"]:
        case "month":
            return Text(f"{start.year}年{start.month}月", f"{start:%Y-%m}")
        case "week":
            return Text(f"{start:%Y-%m-%d}の週", f"Week of {start:%Y-%m-%d}")
        case "quarter":
            quarter = row["fiscal_quarter"]
            months = f"{start.month}–{end.month}月"
            return Text(f"{year}年度 第{quarter}四半期({months})", f"FY{year} Q{quarter}")
        case "half":
            half = row["fiscal_half"]
            return Text(f"{year}年度 {'上期' if half == 1 else '下期'}", f"FY{year} H{half}")
        case "fiscal_year":
            return Text(f"{year}年度", f"FY{year}")
    return Text(f"{start:%Y-%m-%d}", f"{start:%Y-%m-%d}")


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _start(period: Period) -> date:
    return period.start
