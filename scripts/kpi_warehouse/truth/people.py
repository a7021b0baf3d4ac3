"""What each rep has done in a team, how far reps lie apart, and how the new ones come along.

Rates at equal mix are those of re-weighted cases: every case of a rep gets the weight that makes
the rep's channels as large as the team's (post-stratification), where the marts weigh rates.
Everything is computed cell by cell from the true parts of each rep.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING

import polars as pl

from kpi_warehouse.semantic_layer.definitions import published_definitions
from kpi_warehouse.settings import PROJECT_DIR
from kpi_warehouse.truth import facts
from kpi_warehouse.truth.agreements import events_as_agreed
from kpi_warehouse.truth.calendar import APRIL, period_bounds
from kpi_warehouse.truth.events import DEFAULT_POLICIES
from kpi_warehouse.truth.intervals import wilson
from kpi_warehouse.truth.kpis import CHANNEL, EVENT, REP, TEAM, Kpi, values_by

if TYPE_CHECKING:
    from kpi_warehouse.world.log import WorldLog

GRAINS = ("month", "quarter", "half", "fiscal_year")
SMALL_SAMPLE_BELOW = 30
COVERAGE_MINIMUM = 0.8
RAMP_MONTHS = 12
START_OBSERVED_AFTER = timedelta(days=31)

# kpi_id, basis, period_grain, period_start, team
TeamKey = tuple[str, str, str, date, str]


@dataclass(frozen=True)
class Start:
    """The first day of a rep, or the first that is known of."""

    day: date
    is_known: bool


@dataclass(frozen=True)
class Performance:
    """A KPI of one rep in one team and period.

    Attributes:
        numerator, denominator: what the value is made of; the denominator of a count is None.
        value: None without cases (R1).
        at_equal_mix: value, interval and the team's own value, all at the team's mix of channels;
            None where the KPI has no mix, or the rep too little of it.
        covered_share: the part of the team's cases that is in channels of the rep; None: no mix.
        is_whole_period: whether the rep was in the team from the first day to the last.
        is_compared: whether the rep is set beside the others of the team.
    """

    numerator: float
    denominator: float | None
    value: float | None
    at_equal_mix: tuple[float, tuple[float, float] | None, float] | None
    covered_share: float | None
    is_whole_period: bool
    is_compared: bool


@dataclass(frozen=True)
class Spread:
    """How far the compared reps of a team lie apart; None of fewer than two.

    `dispersion` is chi-square over its degrees of freedom, of shares of cases that differ.
    """

    reps: int
    reps_compared: int
    lowest: float | None
    median: float | None
    highest: float | None
    mean: float | None
    standard_deviation: float | None
    dispersion: float | None


@dataclass(frozen=True)
class Ramp:
    """A KPI of the reps who are so many months in; of a count the denominator is rep-months."""

    reps: int
    rep_months: int
    numerator: float
    denominator: float
    value: float | None


def starts(log: "WorldLog") -> dict[str, Start]:
    """When each rep who has worked began: as stated, else by hours, else by approaches."""
    worked = log.attendance.filter(
        (pl.col("work_date") <= log.as_of_date) & (pl.col("working_hours") > 0)
    ).select("rep_id", day="work_date")
    approached = (
        facts.approaches(log, DEFAULT_POLICIES)
        .filter(pl.col("rep_id").is_not_null())
        .select("rep_id", day="event_date")
        .collect()
    )
    found: dict[str, Start] = {}
    for evidence in (worked, approached):
        first_of_all = evidence["day"].min()
        for rep, day in evidence.group_by("rep_id").agg(pl.col("day").min()).rows():
            found.setdefault(rep, Start(day, day - first_of_all >= START_OBSERVED_AFTER))
    stated = defaultdict(list)
    for rep, day in log.users.select("user_id", "active_from").rows():
        stated[rep].append(day)
    for rep in found:
        days = stated.get(rep, [None])
        if None not in days:
            found[rep] = Start(min(days), is_known=True)
    return found


@dataclass(frozen=True)
class _Term:
    team: str | None
    department: str | None
    first_day: date
    last_day: date


def _terms(log: "WorldLog") -> dict[str, list[_Term]]:
    """The spells of each rep in teams; a later one ends the one before."""
    terms: dict[str, list[_Term]] = defaultdict(list)
    users = log.users.sort("user_id", "active_from", nulls_last=False)
    for user in users.iter_rows(named=True):
        begun, ended = user["active_from"] or date.min, user["active_to"] or date.max
        earlier = terms[user["user_id"]]
        if earlier and earlier[-1].last_day >= begun:
            earlier[-1] = replace(earlier[-1], last_day=begun - timedelta(days=1))
        earlier.append(_Term(user["team"], user["department"], begun, ended))
    return terms


class People:
    """The truth of the marts of people, of one log.

    Args:
        log: what truly happened.
        fiscal_year_start_month: 1 to 12.
    """

    def __init__(self, log: "WorldLog", fiscal_year_start_month: int = APRIL) -> None:
        """Add up what each rep has added to each KPI, by team and by channel."""
        self.log = log
        self.fiscal_year_start_month = fiscal_year_start_month
        self.starts = starts(log)
        self.terms = _terms(log)
        spells = events_as_agreed(log)
        # the newest formula is that of all spells, as long as nobody has changed one
        self.kpis = {kpi.kpi_id: kpi for kpis, _ in spells for kpi in kpis}
        self.samples = {
            kpi_id: row["sample_measure_id"]
            for kpi_id, row in published_definitions(PROJECT_DIR / "seeds" / "registry").items()
        }
        cases = [
            (tuple(self._cases(kpi) for kpi in kpis if self.samples[kpi.kpi_id]), events)
            for kpis, events in spells
        ]

        def by_team(of: Sequence[tuple[Sequence[Kpi], pl.DataFrame]], *more: str) -> pl.DataFrame:
            found = values_by(of, (TEAM, REP, *more), GRAINS, fiscal_year_start_month)
            return found.filter(pl.col("rep_id") != facts.UNKNOWN)

        self.parts = _nested(by_team(spells))
        self.channel_parts = _nested(by_team(spells, CHANNEL), "channel_id")
        self.cases = _nested(by_team(cases))

    def _cases(self, kpi: Kpi) -> Kpi:
        """What the KPI's size of sample is counted by, as a KPI."""
        return replace(kpi, numerator=self.samples[kpi.kpi_id], denominator=None)

    def is_share_of_cases(self, kpi_id: str, basis: str) -> bool:
        """Whether the KPI's numerator is a part of the cases in its denominator."""
        kpi = self.kpis[kpi_id]
        return basis in kpi.subset_bases and kpi.denominator == self.samples[kpi_id]

    def last_day(self, grain: str, start: date) -> date:
        """The last day of the period that is in."""
        _, end = period_bounds(start, grain, self.fiscal_year_start_month)
        return min(end, self.log.as_of_date)

    def members(self, team: str, grain: str, start: date) -> set[str]:
        """Who was in the team on every day of the period."""
        end = self.last_day(grain, start)
        return {
            rep
            for rep, begin in self.starts.items()
            if begin.day <= start or not begin.is_known
            for term in self.terms.get(rep, ())
            if term.team == team and term.first_day <= start and end <= term.last_day
        }

    def performances(self) -> Iterator[tuple[TeamKey, dict[str, Performance]]]:
        """Each KPI, period and team with its reps."""
        members: dict[tuple[str, str, date], set[str]] = {}
        for key, reps in self.parts.items():
            *_, grain, start, team = key
            if (team, grain, start) not in members:
                members[team, grain, start] = self.members(team, grain, start)
            yield key, self._team(key, reps, members[team, grain, start])

    def _team(
        self, key: TeamKey, reps: Mapping[str, tuple[float, float]], members: set[str]
    ) -> dict[str, Performance]:
        kpi_id, basis, *_ = key
        kpi = self.kpis[kpi_id]
        is_count = kpi.denominator is None
        if is_count:
            reps = {**dict.fromkeys(members, (0.0, 0.0)), **reps}
        mixes = self._mixes(key) if not is_count and CHANNEL in kpi.dimensions else {}
        sizes = self.cases.get(key, {})
        found = {}
        for rep, (numerator, denominator) in reps.items():
            value = numerator if is_count else numerator / denominator if denominator else None
            mix, share = mixes.get(rep, (None, None))
            if mix and not self.is_share_of_cases(kpi_id, basis):
                mix = (mix[0], None, mix[2])
            is_compared = (
                rep in members
                if is_count
                else value is not None and sizes.get(rep, (0.0, 0.0))[0] >= SMALL_SAMPLE_BELOW
            )
            found[rep] = Performance(
                numerator=numerator,
                denominator=None if is_count else denominator,
                value=value,
                at_equal_mix=mix,
                covered_share=share,
                is_whole_period=rep in members,
                is_compared=is_compared,
            )
        return found

    def _mixes(self, key: TeamKey) -> dict[str, tuple[tuple | None, float]]:
        """By rep with cases: value, interval and standard at the team's mix, and how much of it."""
        cells = {
            (rep, channel): sides
            for (rep, channel), sides in self.channel_parts[key].items()
            if sides[1] > 0
        }
        team: dict[str, tuple[float, float]] = {}
        for (_, channel), (results, cases) in cells.items():
            before = team.get(channel, (0.0, 0.0))
            team[channel] = (before[0] + results, before[1] + cases)
        everything = sum(cases for _, cases in team.values())
        mixes = {}
        for rep in {rep for rep, _ in cells}:
            mine = {channel: sides for (who, channel), sides in cells.items() if who == rep}
            covered = sum(team[channel][1] for channel in mine)
            weights = {channel: team[channel][1] / mine[channel][1] for channel in mine}
            total = sum(weights[channel] * cases for channel, (_, cases) in mine.items())
            squares = sum(weights[channel] ** 2 * cases for channel, (_, cases) in mine.items())
            value = sum(weights[channel] * done for channel, (done, _) in mine.items()) / total
            standard = sum(team[channel][0] for channel in mine) / covered
            cases = total**2 / squares
            share = covered / everything
            interval = wilson(min(value, 1) * cases, cases) if value >= 0 else None
            is_enough = share >= COVERAGE_MINIMUM
            mixes[rep] = ((value, interval, standard) if is_enough else None, share)
        return mixes

    def spread(self, key: TeamKey, reps: Mapping[str, Performance]) -> Spread:
        """How far apart the reps of a team lie."""
        compared = [rep for rep in reps.values() if rep.is_compared]
        values = [rep.value for rep in compared if rep.value is not None]
        sizes = sum(rep.value is not None for rep in reps.values()), len(values)
        if len(values) < 2:
            return Spread(*sizes, *[None] * 6)
        dispersion = None
        if self.is_share_of_cases(key[0], key[1]):
            dispersion = _chi_square([(rep.numerator, rep.denominator or 0) for rep in compared])
        return Spread(
            *sizes,
            min(values),
            median(values),
            max(values),
            fmean(values),
            stdev(values),
            None if dispersion is None else dispersion / (len(values) - 1),
        )

    def ramp(self) -> dict[tuple[str, int], Ramp]:
        """Every KPI of the event basis by months since the start; the last one and later together.

        Only what the reps of inside sales did in months that are over, at whose end they were
        there.
        """
        sums: dict[tuple[str, str, date], list[float]] = defaultdict(lambda: [0.0, 0.0])
        for (kpi_id, basis, grain, start, _), reps in self.parts.items():
            if basis == EVENT and grain == "month":
                for rep, sides in reps.items():
                    for side, quantity in enumerate(sides):
                        sums[kpi_id, rep, start][side] += quantity
        placed = list(self._rep_months())
        ids = [kpi.kpi_id for kpi in self.kpis.values() if EVENT in kpi.bases]
        return {
            (kpi_id, months): self._ramp(
                kpi_id, [(rep, month) for rep, month, at in placed if at == months], sums
            )
            for kpi_id in ids
            if REP in self.kpis[kpi_id].dimensions
            for months in {months for *_, months in placed}
        }

    def _rep_months(self) -> Iterator[tuple[str, date, int]]:
        """The rep, the first day of a month, and months since the start, capped."""
        for rep, start in self.starts.items():
            month = start.day.replace(day=1)
            months = 0
            while (end := period_bounds(month, "month")[1]) <= self.log.as_of_date:
                is_there = any(
                    term.first_day <= end <= term.last_day and term.department in facts.INSIDE_SALES
                    for term in self.terms.get(rep, ())
                )
                if is_there and (start.is_known or months > RAMP_MONTHS):
                    yield rep, month, min(months, RAMP_MONTHS + 1)
                month, months = end + timedelta(days=1), months + 1

    def _ramp(
        self,
        kpi_id: str,
        rep_months: Sequence[tuple[str, date]],
        sums: Mapping[tuple[str, str, date], Sequence[float]],
    ) -> Ramp:
        sides = [sums.get((kpi_id, *rep_month), (0.0, 0.0)) for rep_month in rep_months]
        numerator = sum(side[0] for side in sides)
        is_count = self.kpis[kpi_id].denominator is None
        denominator = float(len(rep_months)) if is_count else sum(side[1] for side in sides)
        return Ramp(
            reps=len({rep for rep, _ in rep_months}),
            rep_months=len(rep_months),
            numerator=numerator,
            denominator=denominator,
            value=numerator / denominator if denominator else None,
        )


def _nested(values: pl.DataFrame, *more: str) -> dict[TeamKey, dict]:
    """Numerator and denominator (0 of a count) by team key, then by rep, or rep and channel."""
    columns = ["kpi_id", "basis", "period_grain", "period_start", "team"]
    nested: dict[TeamKey, dict] = defaultdict(dict)
    rows = values.select(*columns, "rep_id", *more, "numerator", "denominator")
    for *key, rep, numerator, denominator in rows.select(
        *columns, pl.concat_list("rep_id", *more).alias("who"), "numerator", "denominator"
    ).iter_rows():
        who = tuple(rep) if more else rep[0]
        nested[tuple(key)][who] = (float(numerator), float(denominator or 0))
    return nested


def _chi_square(sides: Sequence[tuple[float, float]]) -> float | None:
    """Pearson's chi-square of a table of successes and failures; None if there is but one kind."""
    cases = sum(denominator for _, denominator in sides)
    kinds = (
        [(done, denominator) for done, denominator in sides],
        [(denominator - done, denominator) for done, denominator in sides],
    )
    total = 0.0
    for kind in kinds:
        share = sum(observed for observed, _ in kind) / cases
        if share == 0:
            return None
        total += sum((observed - share * size) ** 2 / (share * size) for observed, size in kind)
    return total
