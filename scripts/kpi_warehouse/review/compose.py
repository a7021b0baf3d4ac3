"""Words and order of the review: from what was read to a document in one language."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date

from kpi_warehouse.console import MISSING
from kpi_warehouse.kpi_sheet.content import Number
from kpi_warehouse.kpi_sheet.wording import NATURES, month_name, word
from kpi_warehouse.published import Text
from kpi_warehouse.review.content import (
    ALL,
    RATE,
    Actual,
    Attainment,
    Bottleneck,
    Conflict,
    Lever,
    Node,
    Review,
    Team,
)
from kpi_warehouse.review.document import Cell, Column, Document, Section, Table
from kpi_warehouse.review.history import Restatement, Snapshot
from kpi_warehouse.review.numbers import JA, difference, figure, interval, rate_unit, yen

# told apart by shape and word; colour only adds to them
STATUSES = {
    "on_track": Text("● 順調", "● On track"),
    "behind": Text("▲ 遅れ", "▲ Behind"),
    "review": Text("■ 要見直し", "■ Review"),
}
NOT_JUDGED = Text("– 判定なし", "– Not judged")
MEETS = Text("● 以上", "● Met")
MISSES = Text("▲ 未満", "▲ Below")
SOURCES = {
    "target": Text("目標", "target"),
    "target_counts": Text("目標件数の比", "ratio of targets"),
    "target_rate": Text("目標率", "targeted rate"),
    "history": Text("過去実績", "history"),
}
QUANTITY, QUALITY = "quantity", "quality"
# how many are named; the rest is counted, and stands in review.json
SHOWN_RESTATEMENTS = 15


def compose(
    review: Review,
    language: str,
    changed: Sequence[Restatement],
    against: Snapshot | None,
) -> Document:
    """The document; the same review gives the same."""
    return _Composer(review, language).document(changed, against)


class _Composer:
    def __init__(self, review: Review, language: str) -> None:
        self.review = review
        self.language = language
        # a month that is over has no pace to keep
        self.is_going_on = not review.is_complete

    # words and numbers

    def say(self, ja: str, en: str) -> str:
        return ja if self.language == JA else en

    def of(self, text: Text) -> str:
        return self.say(text.ja, text.en) or text.ja or text.en or MISSING

    def show(self, value: Number | None, unit: str) -> str:
        return figure(value, unit, self.language)

    def kpi(self, kpi_id: str | None) -> str:
        known = self.review.kpis.get(kpi_id or "")
        return self.of(known.name) if known else kpi_id or MISSING

    def unit(self, kpi_id: str | None) -> str:
        known = self.review.kpis.get(kpi_id or "")
        return known.unit if known else "count"

    def nature(self, kpi_id: str) -> str:
        known = self.review.kpis.get(kpi_id)
        return self.of(word(NATURES, known.quantity_or_quality)) if known else MISSING

    def channel(self, channel_id: str) -> str:
        if channel_id == ALL:
            return self.say("全チャネル", "All channels")
        known = self.review.channels.get(channel_id)
        return self.of(known) if known else channel_id

    def department(self, department_id: str | None) -> str:
        known = self.review.departments.get(department_id or "")
        return self.of(known) if known else department_id or MISSING

    def reason(self, reason: str | None) -> str:
        known = self.review.reasons.get(reason or "")
        return self.of(known) if known else reason or ""

    def month(self, day: date) -> str:
        return self.say(f"{day.year}年{day.month}月", f"{day:%Y-%m}")

    def text(self, ja: str, en: str, width: int = 0) -> Column:
        return Column(self.say(ja, en), width=width)

    def number(self, ja: str, en: str, width: int = 0) -> Column:
        return Column(self.say(ja, en), is_number=True, width=width)

    def status(self, row: Attainment | None) -> Cell:
        if row is None:
            return Cell(self.say("– 目標なし", "– No target"))
        if row.status in STATUSES:
            return Cell(self.of(STATUSES[row.status]), mark=row.status)
        why = self.reason(row.status_reason)
        if not why and row.is_small_sample:
            why = self.say("小標本", "small sample")
        return Cell(self.of(NOT_JUDGED), why)

    def between(self, low: Number | None, high: Number | None, unit: str) -> str:
        if low is None or high is None:
            return MISSING
        return interval(low, high, unit, self.language)

    # the document

    def document(self, changed: Sequence[Restatement], against: Snapshot | None) -> Document:
        review = self.review
        month = self.of(month_name(review.month))
        sections = [
            self.funnel(),
            self.bottlenecks(),
            self.judged(),
            self.goals(),
            self.channels(),
            self.teams(),
            self.changes(changed, against),
        ]
        return Document(
            language=self.language,
            title=self.say(f"月次レビュー {month}", f"Monthly review {month}"),
            subtitle=self.say(
                f"{review.as_of} 時点 · {self.state()}", f"As of {review.as_of} · {self.state()}"
            ),
            facts=tuple(self.facts()),
            points_heading=self.say("今月の要点", "In short"),
            points=tuple(self.points()),
            sections=tuple(sections),
            notes_heading=self.say("読み方", "How to read it"),
            notes=tuple(self.notes()),
        )

    def state(self) -> str:
        review = self.review
        elapsed, total = review.business_days_elapsed, review.business_days
        if review.is_complete:
            return self.say(f"月全体(営業日{total}日)", f"whole month, {total} business days")
        return self.say(
            f"{review.last_day} まで(営業日{total}日のうち{elapsed}日経過)",
            f"until {review.last_day}, {elapsed} of {total} business days",
        )

    def facts(self) -> Iterable[tuple[str, Cell]]:
        review = self.review
        last = review.steps[-1]
        goal = review.goal
        amount = review.actuals.get((ALL, last))
        won = amount.value if amount else None
        goal_amount = goal.required if goal else None
        yield (
            self.say("目標(KGI)", "Goal (KGI)"),
            Cell(self.show(goal_amount, "jpy"), self.say("受注額", "won amount")),
        )
        share = float(won) / float(goal_amount) if won is not None and goal_amount else None
        yield (
            self.kpi(last),
            Cell(
                self.show(won, "jpy"),
                self.say(f"KGI比 {self.show(share, RATE)}", f"{self.show(share, RATE)} of goal"),
            ),
        )
        if self.is_going_on:
            target = review.target_of(last)
            projected = target.projected if target else None
            range_of = (
                self.between(target.projected_low, target.projected_high, "jpy") if target else ""
            )
            yield self.say("着地見込", "Projected"), Cell(self.show(projected, "jpy"), range_of)
        yield (
            self.say("営業日", "Business days"),
            Cell(
                f"{review.business_days_elapsed} / {review.business_days}",
                self.say("経過 / 全体", "elapsed / total"),
            ),
        )
        counts = {
            status: sum(each.status == status for each in review.attainments) for status in STATUSES
        }
        yield (
            self.say("判定", "Status"),
            Cell(
                " ".join(
                    f"{self.of(text)[0]}{counts[status]}" for status, text in STATUSES.items()
                ),
                self.say("順調・遅れ・要見直し", "on track, behind, review"),
            ),
        )

    def points(self) -> Iterable[Cell]:
        review = self.review
        worst = self.worst(ALL)
        if worst:
            name = self.of(worst.name)
            lost, amount = self.show(worst.deals_lost, "deals"), worst.amount_lost_jpy
            in_yen = yen(amount, self.language) if amount is not None else MISSING
            yield Cell(
                self.say(
                    f"ボトルネックは「{name}」。不足は受注{lost}件・{in_yen}に相当。",
                    f"The bottleneck is {name}: the shortfall costs {lost} deals, {in_yen}.",
                ),
                self.small(worst.is_small_sample),
                "strong",
            )
        else:
            yield Cell(
                self.say("受注を失わせている段階はない。", "No step is known to cost deals.")
            )
        flagged = self.with_status("review")
        names = self.say("、", ", ").join(self.grouped(flagged))
        if flagged:
            yield Cell(
                self.say(
                    f"目標の見直し対象 {len(flagged)}件:{names}",
                    f"{len(flagged)} targets to review: {names}",
                )
            )
        infeasible = [node for node in review.nodes if node.is_feasible is False]
        if infeasible:
            nodes = self.say("、", ", ").join(dict.fromkeys(self.of(n.name) for n in infeasible))
            yield Cell(
                self.say(
                    f"目標からの逆算で達成が見込めない項目:{nodes}",
                    f"Not feasible on the way to the goal: {nodes}",
                )
            )
        if review.conflicts:
            yield Cell(
                self.say(
                    f"部門間で食い違う目標 {len(review.conflicts)}件",
                    f"{len(review.conflicts)} conflicts between departments' targets",
                )
            )
        for team in review.teams:
            if team.is_new:
                yield Cell(
                    self.say(
                        f"{team.name}は立ち上げ{team.months}か月:まず量、次に質で管理する。",
                        f"{team.name}, {team.months} months old: quantity first, then quality.",
                    )
                )

    def small(self, is_small: bool) -> str:
        return self.say("小標本", "small sample") if is_small else ""

    def with_status(self, status: str | None) -> list[Attainment]:
        order = [ALL, *self.review.channels]
        departments = list(self.review.departments)

        def rank(each: Attainment) -> tuple[int, int, int]:
            known = self.review.kpis.get(each.kpi_id)
            return (
                known.sort_order if known else 0,
                order.index(each.channel_id) if each.channel_id in order else len(order),
                departments.index(each.department) if each.department in departments else 0,
            )

        return sorted((each for each in self.review.attainments if each.status == status), key=rank)

    def worst(self, channel_id: str) -> Bottleneck | None:
        for each in self.review.bottlenecks:
            if each.channel_id == channel_id and each.is_bottleneck:
                return each
        return None

    # the funnel

    def target_cells(
        self, kpi_id: str, row: Attainment | None, actual: Actual | None
    ) -> tuple[Cell, ...]:
        unit = self.unit(kpi_id)
        value = row.actual if row else actual.value if actual else None
        return (
            Cell(self.show(value, unit)),
            Cell(self.show(row.target if row else None, unit)),
            Cell(self.show(row.attainment if row else None, RATE)),
            *(self.forecast(row) if self.is_going_on else ()),
            self.status(row),
        )

    def forecast(self, row: Attainment | None) -> tuple[Cell, ...]:
        """What a month in progress adds; of one that is over it repeats actual and target."""
        if row is None:
            return (Cell(MISSING),) * 4
        return (
            Cell(self.show(row.expected_to_date, row.unit)),
            Cell(self.show(row.pace, RATE)),
            Cell(self.show(row.projected, row.unit)),
            Cell(self.between(row.projected_low, row.projected_high, row.unit)),
        )

    def forecast_columns(self) -> tuple[Column, ...]:
        return (
            self.number("期待値(本日まで)", "Expected to date"),
            self.number("ペース", "Pace"),
            self.number("着地見込", "Projected"),
            self.number("見込の区間", "Interval"),
        )

    def target_columns(self) -> tuple[Column, ...]:
        return _columns(
            self.number("実績", "Actual"),
            self.number("目標", "Target"),
            self.number("達成率", "Attained"),
            *(self.forecast_columns() if self.is_going_on else ()),
            self.text("判定", "Status", 13),
        )

    def funnel(self) -> Section:
        rows = [
            (
                Cell(self.kpi(kpi_id)),
                *self.target_cells(
                    kpi_id,
                    self.review.target_of(kpi_id),
                    self.review.actuals.get((ALL, kpi_id)),
                ),
            )
            for kpi_id in self.review.steps
        ]
        return Section(
            "funnel",
            self.say("ファネルと目標(全チャネル)", "Funnel against target, all channels"),
            tables=(
                Table(
                    "",
                    (*_columns(self.text("KPI", "KPI", 18)), *self.target_columns()),
                    tuple(rows),
                ),
            ),
        )

    def channels(self) -> Section:
        review = self.review
        rows = []
        for channel_id in review.channels:
            actuals = [review.actuals.get((channel_id, kpi_id)) for kpi_id in review.steps]
            if not any(each and each.value for each in actuals):
                continue
            worst = self.worst(channel_id)
            rows.append(
                (
                    Cell(self.channel(channel_id)),
                    *(
                        self.with_target(kpi_id, channel_id, actual)
                        for kpi_id, actual in zip(review.steps, actuals, strict=True)
                    ),
                    Cell(
                        self.of(worst.name) if worst else MISSING,
                        self.loss(worst) if worst else "",
                    ),
                )
            )
        columns = (
            *_columns(self.text("チャネル", "Channel", 14)),
            *(Column(self.kpi(kpi_id), is_number=True) for kpi_id in review.steps),
            *_columns(self.text("ボトルネック", "Bottleneck", 24)),
        )
        targeted = [
            each
            for each in sorted(
                review.attainments,
                key=lambda each: (
                    list(review.channels).index(each.channel_id)
                    if each.channel_id in review.channels
                    else -1,
                    review.steps.index(each.kpi_id) if each.kpi_id in review.steps else -1,
                    each.department,
                ),
            )
            if each.channel_id != ALL and each.kpi_id in review.steps
        ]
        tables = [
            Table(
                self.say(
                    "実績(目標があれば達成率)", "Actual, with attainment where there is a target"
                ),
                columns,
                tuple(rows),
            )
        ]
        if targeted:
            tables.append(
                Table(
                    self.say("チャネル別の目標", "Targets by channel"),
                    (
                        *_columns(
                            self.text("チャネル", "Channel", 14),
                            self.text("KPI・部門", "KPI, department", 20),
                        ),
                        *self.target_columns(),
                    ),
                    tuple(
                        (
                            Cell(self.channel(each.channel_id)),
                            Cell(self.kpi(each.kpi_id), self.department(each.department)),
                            *self.target_cells(each.kpi_id, each, None),
                        )
                        for each in targeted
                    ),
                )
            )
        return Section("channels", self.say("チャネル別", "By channel"), tables=tuple(tables))

    def with_target(self, kpi_id: str, channel_id: str, actual: Actual | None) -> Cell:
        row = self.review.target_of(kpi_id, channel_id)
        shown = self.show(actual.value if actual else None, self.unit(kpi_id))
        if row is None:
            return Cell(shown)
        shape = self.of(STATUSES[row.status])[0] if row.status in STATUSES else MISSING
        return Cell(shown, f"{shape} {self.show(row.attainment, RATE)}")

    def loss(self, row: Bottleneck) -> str:
        if row.deals_lost is None:
            return self.reason(row.reason)
        lost = self.show(row.deals_lost, "deals")
        small = self.small(row.is_small_sample)
        return self.say(f"−{lost}件", f"−{lost} deals") + (f" · {small}" if small else "")

    # the bottleneck

    def bottlenecks(self) -> Section:
        rows = []
        for each in self.review.bottlenecks:
            if each.channel_id != ALL:
                continue
            unit = self.rate_unit(each)
            source = SOURCES.get(each.target_source or "")
            name = self.of(each.name)
            rows.append(
                (
                    Cell(
                        f"◆ {name}" if each.is_bottleneck else name,
                        mark="strong" if each.is_bottleneck else "",
                    ),
                    Cell(self.show(each.actual_value, unit)),
                    Cell(self.show(each.expected_value, unit)),
                    Cell(self.missing(each.shortfall, unit)),
                    Cell(self.show(each.deals_lost, "deals")),
                    Cell(self.show(each.amount_lost_jpy, "jpy")),
                    Cell(self.remark(each, self.of(source) if source else "")),
                )
            )
        worst = self.worst(ALL)
        line = (
            self.say(
                f"◆ は不足が最も多くの受注を失わせる段階:{self.of(worst.name)}。"
                "率が最も低い段階とは限らない。各行は単独の影響で、足し合わせない。",
                f"◆ marks the step whose shortfall costs most deals: {self.of(worst.name)}, which "
                "need not be the lowest rate. Each row stands alone; they do not add up.",
            )
            if worst
            else self.say("受注を失わせている段階はない。", "No step is known to cost deals.")
        )
        columns = _columns(
            self.text("段階", "Step", 21),
            self.number("実績", "Actual"),
            self.number("あるべき値", "Should be"),
            self.number("不足", "Shortfall"),
            self.number("失う受注(件)", "Deals lost"),
            self.number("失う受注額", "Amount lost"),
            self.text("比較の基準・注記", "Compared with, remarks", 23),
        )
        return Section(
            "bottleneck",
            self.say("ボトルネック(全チャネル)", "Bottleneck, all channels"),
            (line,),
            (Table("", columns, tuple(rows)),),
        )

    def remark(self, row: Bottleneck, source: str) -> str:
        parts = [source, self.small(row.is_small_sample), self.reason(row.reason)]
        return " · ".join(part for part in parts if part) or MISSING

    def missing(self, shortfall: Number | None, unit: str) -> str:
        shown = self.show(shortfall, unit)
        return shown.replace("%", "pt") if unit == RATE else shown

    def rate_unit(self, row: Bottleneck) -> str:
        if row.volume_in is None or self.unit(row.step) == "jpy":
            return self.unit(row.step)
        above_one = any(
            value is not None and value > 1 for value in (row.actual_value, row.expected_value)
        )
        return "ratio" if above_one else RATE

    # what has to be talked about

    def judged(self) -> Section:
        tables = []
        flagged, behind = self.with_status("review"), self.with_status("behind")
        if flagged:
            tables.append(
                Table(
                    self.say(
                        "■ 要見直し:見直し基準を下回ったKPIと、過去実績が支える目標",
                        "■ Review: KPIs below the limit, and the target that history supports",
                    ),
                    (
                        *_columns(self.text("KPI", "KPI", 27), self.text("部門", "Department", 16)),
                        *_columns(
                            self.number("実績", "Actual"),
                            self.number("目標", "Target"),
                            self.number("達成率", "Attained"),
                            self.number("支えられる目標", "Supported target"),
                            self.number("その根拠", "Rests on"),
                        ),
                    ),
                    tuple(
                        (
                            self.named(each),
                            Cell(self.department(each.department)),
                            Cell(self.show(each.actual, each.unit)),
                            Cell(self.show(each.target, each.unit)),
                            Cell(self.show(each.attainment, RATE)),
                            *self.supported(each),
                        )
                        for each in flagged
                    ),
                )
            )
        if behind:
            tables.append(
                Table(
                    self.say("▲ 遅れ", "▲ Behind"),
                    _columns(
                        self.text("KPI", "KPI", 27),
                        self.text("部門", "Department", 16),
                        self.number("実績", "Actual"),
                        self.number("目標", "Target"),
                        self.number("達成率", "Attained"),
                        *(self.forecast_columns()[2:] if self.is_going_on else ()),
                    ),
                    tuple(
                        (
                            self.named(each),
                            Cell(self.department(each.department)),
                            Cell(self.show(each.actual, each.unit)),
                            Cell(self.show(each.target, each.unit)),
                            Cell(self.show(each.attainment, RATE)),
                            *(self.forecast(each)[2:] if self.is_going_on else ()),
                        )
                        for each in behind
                    ),
                )
            )
        lines = []
        if not flagged and not behind:
            lines.append(self.say("該当なし。", "None."))
        not_judged = self.with_status(None)
        if not_judged:
            listed = self.say("、", "; ").join(self.not_judged(each) for each in not_judged)
            lines.append(self.say(f"判定していないKPI:{listed}", f"Not judged: {listed}"))
        return Section(
            "targets",
            self.say("目標に届かないKPI", "KPIs short of target"),
            tuple(lines),
            tuple(tables),
        )

    def with_channel(self, row: Attainment) -> str:
        if row.channel_id == ALL:
            return self.kpi(row.kpi_id)
        channel = self.channel(row.channel_id)
        return self.say(f"{self.kpi(row.kpi_id)}({channel})", f"{self.kpi(row.kpi_id)} ({channel})")

    def grouped(self, rows: Sequence[Attainment]) -> Iterable[str]:
        """KPIs with their channels, each once; departments beside the targets of several."""
        departments: dict[str, list[str]] = {}
        for row in rows:
            name = self.department(row.department)
            departments.setdefault(self.with_channel(row), []).append(name)
        for label, names in departments.items():
            listed = self.say("・", ", ").join(names)
            yield label + (self.say(f"[{listed}]", f" [{listed}]") if len(names) > 1 else "")

    def named(self, row: Attainment) -> Cell:
        where = "" if row.channel_id == ALL else self.channel(row.channel_id)
        return Cell(self.kpi(row.kpi_id), where)

    def not_judged(self, row: Attainment) -> str:
        where = "" if row.channel_id == ALL else f" {self.channel(row.channel_id)}"
        why = self.reason(row.status_reason) or self.small(row.is_small_sample)
        return f"{self.kpi(row.kpi_id)}{where}" + (self.say(f"({why})", f" ({why})") if why else "")

    def supported(self, row: Attainment) -> tuple[Cell, Cell]:
        months = row.supported_months
        return (
            Cell(self.show(row.supported_target, row.unit)),
            Cell(
                self.say(f"直近{months}か月の実績", f"last {months} months")
                if months and row.supported_target is not None
                else MISSING
            ),
        )

    # teams

    def teams(self) -> Section:
        review = self.review
        if not review.teams:
            return Section(
                "teams", self.say("チーム別", "By team"), (self.say("該当なし。", "None."),)
            )
        overview = Table(
            self.say("実績", "Actual"),
            (
                *_columns(self.text("チーム", "Team", 22), self.text("管理", "Steered on", 11)),
                *(Column(self.kpi(kpi_id), is_number=True) for kpi_id in review.steps),
            ),
            tuple(
                (
                    Cell(self.team(team)),
                    Cell(*self.steering(team)),
                    *(
                        Cell(self.show(_value(team, kpi_id), self.unit(kpi_id)))
                        for kpi_id in review.steps
                    ),
                )
                for team in review.teams
            ),
        )
        groups: dict[tuple[str, bool], list[Team]] = {}
        for team in review.teams:
            if team.department_id:
                groups.setdefault((team.department_id, team.is_new), []).append(team)
        tables = [
            table
            for (department_id, is_new), members in groups.items()
            for table in (self.team_targets(department_id, is_new, members),)
            if table
        ]
        lines = [
            self.say(
                "チームに目標はない。率は部門の目標率と比べ、件数は実績のみ示す。",
                "Teams have no targets: rates stand beside the department's targeted rates, counts "
                "are shown as they are.",
            ),
            self.say(
                "商談・受注は、アポイントの獲得者(商談の作成者)のチームに計上する。",
                "Meetings and deals count for the team of who booked or created them.",
            ),
            self.say(
                f"立ち上げ{review.new_team_months}か月以内のチームは、まず量、次に質で管理する。",
                f"A team within {review.new_team_months} months of its start is steered on "
                "quantity first, then quality.",
            ),
        ]
        return Section("teams", self.say("チーム別", "By team"), tuple(lines), (overview, *tables))

    def team(self, team: Team) -> str:
        return self.say("所属不明", "No team") if team.name == "unknown" else team.name

    def steering(self, team: Team) -> tuple[str, str]:
        if team.is_new:
            return (
                self.say("新:量→質", "New: quantity → quality"),
                self.say(f"{team.months}か月", f"{team.months} months"),
            )
        return self.say("質・量", "Quality, quantity"), ""

    def team_targets(self, department_id: str, is_new: bool, teams: Sequence[Team]) -> Table | None:
        review = self.review
        targeted = [
            each
            for each in review.attainments
            if each.department == department_id
            and each.channel_id == ALL
            and each.kpi_id in review.kpis
            and any(_value(team, each.kpi_id) for team in teams)
        ]
        if not targeted:
            return None
        first = QUANTITY if is_new else QUALITY
        targeted.sort(
            key=lambda each: (
                review.kpis[each.kpi_id].quantity_or_quality != first,
                review.kpis[each.kpi_id].sort_order,
            )
        )
        department = self.department(department_id)
        caption = (
            self.say(
                f"{department}・新しいチーム:量を先に", f"{department}, new teams: quantity first"
            )
            if is_new
            else department
        )
        return Table(
            caption,
            (
                *_columns(
                    self.text("KPI", "KPI", 26),
                    self.text("量・質", "Nature", 8),
                    self.number("部門の目標", "Target", 12),
                ),
                *(Column(self.team(team), is_number=True) for team in teams),
            ),
            tuple(
                (
                    Cell(self.kpi(each.kpi_id)),
                    Cell(self.nature(each.kpi_id)),
                    Cell(self.show(each.target, each.unit)),
                    *(self.against_rate(each, team.actuals.get(each.kpi_id)) for team in teams),
                )
                for each in targeted
            ),
        )

    def against_rate(self, target: Attainment, actual: Actual | None) -> Cell:
        if actual is None or actual.value is None:
            return Cell(MISSING)
        shown = self.show(actual.value, target.unit)
        if target.unit != RATE or target.target is None:
            return Cell(shown)
        if actual.is_small_sample:
            return Cell(f"{MISSING} {self.small(True)} {shown}")
        polarity = self.review.kpis[target.kpi_id].polarity
        if polarity == "neutral":
            return Cell(shown)
        is_met = (
            actual.value <= float(target.target)
            if polarity == "lower"
            else actual.value >= float(target.target)
        )
        return Cell(f"{self.of(MEETS if is_met else MISSES)} {shown}")

    # goals

    def goals(self) -> Section:
        review = self.review
        lines, tables = [], []
        nodes = [node for node in review.nodes if node.channel_id == ALL]
        if nodes:
            tables.append(
                Table(
                    self.say("目標(KGI)からの逆算", "Worked back from the goal (KGI)"),
                    _columns(
                        self.text("項目", "Node", 14),
                        self.number("必要数", "Required"),
                        self.number("下限–上限", "Low–high"),
                        self.number("使った率", "Rate used"),
                        self.number("95%区間", "95% interval"),
                        self.number("1人1日", "Per rep and day"),
                        self.number("能力・供給", "Capacity, supply"),
                        self.text("可否と理由", "Feasible, and why not", 28),
                    ),
                    tuple(self.node(each) for each in nodes),
                )
            )
        else:
            lines.append(self.say("この月の目標(KGI)はない。", "There is no goal for this month."))
        by_channel = [
            node for node in review.nodes if node.channel_id != ALL and node.is_feasible is False
        ]
        if by_channel:
            listed = self.say("、", "; ").join(
                f"{self.channel(node.channel_id)} {self.of(node.name)}"
                + self.say(f"({self.of(node.reason_text)})", f" ({self.of(node.reason_text)})")
                for node in by_channel
            )
            lines.append(
                self.say(
                    f"チャネル別で達成が見込めない:{listed}", f"Not feasible by channel: {listed}"
                )
            )
        levers = [each for each in review.levers if each.channel_id == ALL] or list(review.levers)
        if levers:
            tables.append(
                Table(
                    self.say(
                        "何が変われば届くか(どれか一つ)",
                        "What would have to be true (any one of them)",
                    ),
                    _columns(
                        self.text("変えるもの", "Lever", 45),
                        self.number("現在", "Now"),
                        self.number("必要", "Needed"),
                        self.number("変化", "Change"),
                        self.text("過去に実績", "Seen before"),
                    ),
                    tuple(self.lever(each) for each in levers),
                )
            )
        if review.conflicts:
            tables.append(
                Table(
                    self.say("部門間で食い違う目標", "Conflicts between targets"),
                    _columns(
                        self.text("規則", "Rule", 18),
                        self.text("一方", "One side", 18),
                        self.number("値", "Value", 6),
                        self.text("他方", "Other side", 18),
                        self.number("値", "Value", 6),
                        self.number("差", "Difference", 7),
                        self.text("内容", "Detail"),
                    ),
                    tuple(self.conflict(each) for each in review.conflicts),
                )
            )
        else:
            lines.append(
                self.say("部門間の目標に食い違いはない。", "The departments' targets agree.")
            )
        return Section(
            "goals", self.say("目標の裏付け", "What the goal rests on"), tuple(lines), tuple(tables)
        )

    def node(self, each: Node) -> tuple[Cell, ...]:
        unit = self.unit(each.kpi_id)
        limits = [
            f"{name} {self.show(value, unit)}"
            for name, value in (
                (self.say("能力", "capacity"), each.capacity),
                (self.say("供給", "supply"), each.supply),
            )
            if value is not None
        ]
        unit_of_rate = rate_unit(each.rate_used)
        if each.is_feasible is None:
            verdict = Cell(MISSING, self.of(each.reason_text) if each.reason else "")
        elif each.is_feasible:
            verdict = Cell(self.say("● 可", "● Yes"), mark="on_track")
        else:
            verdict = Cell(self.say("■ 否", "■ No"), self.of(each.reason_text), "review")
        return (
            Cell(self.of(each.name)),
            Cell(self.show(each.required, unit)),
            Cell(self.between(each.required_low, each.required_high, unit)),
            Cell(self.show(each.rate_used, unit_of_rate)),
            Cell(self.between(each.rate_low, each.rate_high, unit_of_rate)),
            Cell(self.show(each.per_rep_day, "deals")),
            Cell(" ".join(limits) or MISSING),
            verdict,
        )

    def lever(self, each: Lever) -> tuple[Cell, ...]:
        changed = next(
            (
                node
                for node in self.review.nodes
                if (node.channel_id, node.node) == (each.channel_id, each.lever)
            ),
            None,
        )
        is_rate = changed is None or (
            None not in (changed.rate_used, each.current_value)
            and math.isclose(changed.rate_used, each.current_value, rel_tol=1e-6)
        )
        unit = rate_unit(each.current_value) if is_rate else self.unit(changed.kpi_id)
        target = next(
            (
                self.of(node.name)
                for node in self.review.nodes
                if (node.channel_id, node.node) == (each.channel_id, each.node)
            ),
            each.node,
        )
        seen = MISSING
        if each.is_possible is False:
            seen = self.say("■ 不可能", "■ Not possible")
        elif each.is_within_history is not None:
            seen = (
                self.say("● あり", "● Yes")
                if each.is_within_history
                else self.say("▲ なし", "▲ No")
            )
        where = "" if each.channel_id == ALL else f"{self.channel(each.channel_id)} · "
        return (
            Cell(self.of(each.name), self.say(f"{where}{target}のため", f"{where}for {target}")),
            Cell(self.show(each.current_value, unit)),
            Cell(self.show(each.needed_value, unit)),
            Cell(
                MISSING
                if each.change_share is None
                else difference(each.change_share, RATE, self.language).replace("pt", "%")
            ),
            Cell(seen),
        )

    def conflict(self, each: Conflict) -> tuple[Cell, ...]:
        unit, other = self.unit(each.kpi_id), self.unit(each.other_kpi_id or each.kpi_id)
        other_side = (
            Cell(self.department(each.other_department_id), self.kpi(each.other_kpi_id))
            if each.other_department_id or each.other_kpi_id
            else Cell(MISSING)
        )
        return (
            Cell(
                self.of(each.rule_name),
                "" if each.channel_id == ALL else self.channel(each.channel_id),
            ),
            Cell(self.department(each.department_id), self.kpi(each.kpi_id)),
            Cell(self.show(each.value, unit)),
            other_side,
            Cell(self.show(each.other_value, other)),
            Cell(
                MISSING
                if each.difference is None
                else difference(each.difference, unit, self.language)
            ),
            Cell(self.of(each.detail)),
        )

    # what has changed

    def changes(self, changed: Sequence[Restatement], against: Snapshot | None) -> Section:
        lines, tables = [], []
        if self.review.changes:
            tables.append(
                Table(
                    self.say(
                        "この月に変わった定義と方針", "Definitions and policies of this month"
                    ),
                    _columns(
                        self.text("名称", "Name", 22),
                        self.text("日付", "Day", 12),
                        self.text("内容", "Change"),
                        self.text("理由", "Reason"),
                    ),
                    tuple(
                        (
                            Cell(
                                self.of(each.name),
                                self.say(f"第{each.version}版", f"version {each.version}")
                                if each.version
                                else self.say("方針", "policy"),
                            ),
                            Cell(
                                each.day.isoformat(),
                                self.say("終了", "withdrawn") if each.is_end else "",
                            ),
                            Cell(self.of(each.what)),
                            Cell(self.of(each.reason)),
                        )
                        for each in self.review.changes
                    ),
                )
            )
        else:
            lines.append(
                self.say("この月に変わった定義・方針はない。", "No definition or policy changed.")
            )
        lines.append(self.restated_line(changed, against))
        if changed:
            tables.append(self.restated(changed))
        return Section(
            "changes",
            self.say("定義の変更と数値の修正", "Changes of definitions, and restatements"),
            tuple(lines),
            tuple(tables),
        )

    def restated_line(self, changed: Sequence[Restatement], against: Snapshot | None) -> str:
        if against is None:
            return self.say(
                "前回のレビューがないため、過去の値の修正は比較していない。",
                "There is no earlier review, so that past values are not compared.",
            )
        then = self.month(against.month)
        if not changed:
            return self.say(
                f"前回のレビュー({then}、{against.as_of}時点)から過去の値の修正はない。",
                f"No past value has changed since the review of {then}, as of {against.as_of}.",
            )
        rest = len(changed) - SHOWN_RESTATEMENTS
        more = (
            self.say(
                f"うち{SHOWN_RESTATEMENTS}件を示す(全件は review.json)。",
                f" {SHOWN_RESTATEMENTS} are shown; all are in review.json.",
            )
            if rest > 0
            else ""
        )
        return self.say(
            f"前回のレビュー({then}、{against.as_of}時点)から過去の値{len(changed)}件が変わった。{more}",
            f"{len(changed)} past values have changed since the review of {then}, as of "
            f"{against.as_of}.{more}",
        )

    def restated(self, changed: Sequence[Restatement]) -> Table:
        def rank(each: Restatement) -> tuple[bool, int, int]:
            kpi_id = each.before.kpi_id
            steps = self.review.steps
            known = self.review.kpis.get(kpi_id)
            return (
                kpi_id not in steps,
                -each.before.month.toordinal(),
                known.sort_order if known else 0,
            )

        rows = []
        for each in sorted(changed, key=rank)[:SHOWN_RESTATEMENTS]:
            unit = self.unit(each.before.kpi_id)
            before, now = each.before.value, each.now.value if each.now else None
            if each.now is None:
                why = self.say("定義(公開終了)", "definition (withdrawn)")
            elif each.is_definition:
                why = self.say(
                    f"定義(第{each.before.version}版→第{each.now.version}版)",
                    f"definition (version {each.before.version} → {each.now.version})",
                )
            else:
                why = self.say(
                    "データ(遅延・訂正・分類の変更)", "data (late, corrected or mapped anew)"
                )
            rows.append(
                (
                    Cell(self.kpi(each.before.kpi_id)),
                    Cell(self.month(each.before.month)),
                    Cell(self.show(before, unit)),
                    Cell(self.show(now, unit)),
                    Cell(
                        MISSING
                        if before is None or now is None
                        else difference(now - before, unit, self.language)
                    ),
                    Cell(why),
                )
            )
        return Table(
            self.say("前回のレビューから変わった過去の値", "Past values that have changed"),
            _columns(
                self.text("KPI", "KPI", 24),
                self.text("月", "Month"),
                self.number("前回", "Then"),
                self.number("今回", "Now"),
                self.number("差", "Difference"),
                self.text("理由", "Reason", 28),
            ),
            tuple(rows),
        )

    def notes(self) -> Iterable[str]:
        yield self.say(
            "実績は発生日基準。率は分子の合計 ÷ 分母の合計。分母が0のとき値はない(–)。",
            "Actuals by date of the event. A rate is the sum of numerators over the sum of "
            "denominators; over nothing there is none (–).",
        )
        yield self.say(
            "失う受注 = 入った件数 × 率の不足 × 以降の実績率。受注額の段階は受注単価で件数に換算。",
            "Deals lost = volume in × what is missing of the rate × later actual rates; yen that "
            "are missing per deal are counted in deals of the actual size.",
        )
        yield self.say(
            "● 順調 ▲ 遅れ ■ 要見直し – 判定なし(小標本など)。"
            "複数部門に目標がある場合は責任部門の目標。",
            "● on track ▲ behind ■ review – not judged. Where several departments have a target, "
            "that of the KPI's owner.",
        )


def _value(team: Team, kpi_id: str) -> Number | None:
    actual = team.actuals.get(kpi_id)
    return actual.value if actual else None


def _columns(*columns: Column) -> tuple[Column, ...]:
    return columns
