"""The sheet's words in both languages, and how its numbers are written.

Only what the registry does not hold is worded here: what its codes mean, and labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from kpi_warehouse.console import MISSING
from kpi_warehouse.kpi_sheet.content import (
    Department,
    Distribution,
    Kpi,
    Measure,
    Month,
    Number,
    Policy,
    Sheet,
    Signoff,
    Target,
    Text,
    Version,
)

TITLE = Text("KPIシート", "KPI sheet")
PHASES = {
    "approach": Text("アプローチ", "Approach"),
    "meeting": Text("商談", "Meeting"),
    "deal": Text("受注", "Deal"),
}
NATURES = {"quantity": Text("量", "Quantity"), "quality": Text("質", "Quality")}
POLARITIES = {
    "higher": Text("高いほど良い", "Higher is better"),
    "lower": Text("低いほど良い", "Lower is better"),
    "neutral": Text("高低に良し悪しなし", "Neither is better"),
}
STATUSES = {
    "draft": Text("草案", "Draft"),
    "agreed": Text("合意済", "Agreed"),
    "retired": Text("廃止", "Retired"),
}
STATES = {
    "in_force": Text("適用中", "In force"),
    "awaited": Text("発効前", "Not yet in force"),
    "past": Text("適用終了", "No longer in force"),
    "unsigned": Text("署名待ち", "Awaits sign-off"),
    "draft": Text("草案", "Draft"),
}
TOTALS = {
    "count": Text("件数", "Count"),
    "jpy": Text("金額の合計", "Sum of JPY"),
    "hours": Text("時間の合計", "Sum of hours"),
    "days": Text("日数の合計", "Sum of days"),
}
PER = {
    "count": (Text("件", "cases"), Text("件", "case")),
    "jpy": (Text("円", "JPY"), Text("円", "JPY")),
    "hours": (Text("時間", "hours"), Text("時間", "hour")),
    "days": (Text("日", "days"), Text("日", "day")),
}
STATISTICS = {
    "median": Text("中央値", "Median"),
    "p90": Text("90パーセンタイル", "90th percentile"),
    "km_median": Text("カプラン・マイヤー中央値", "Kaplan-Meier median"),
}
CLOCKS = {
    "wall": Text("経過時間", "by the clock"),
    "business": Text("営業時間", "in business hours"),
}
NONE = Text("なし", "None")
NO_TARGET = Text("目標なし", "no target")
NOT_TARGETABLE = Text("目標対象外", "not targetable")
BY_CHANNEL_ONLY = Text("チャネル別のみ", "by channel only")
SMALL_SAMPLE = Text("小標本", "small sample")
NOT_ADDITIVE = Text(
    "合計・平均しない。期間やチャネルをまとめた値は、まとめて計算し直す",
    "Never add or average it; over several periods or channels it is computed anew",
)
UNSIGNED = Text("未署名", "missing")
NOT_REQUIRED = Text("不要", "not required")


@dataclass(frozen=True)
class Figure:
    """A number and what it is: count, hours, minutes, days, jpy, rate, ratio or version."""

    value: Number | None
    kind: str

    def __str__(self) -> str:
        """As text; a dash if there is none."""
        if self.value is None:
            return MISSING
        if self.kind == "rate":
            return f"{float(self.value) * 100:,.1f}%"
        if self.kind == "jpy":
            return f"¥{self.value:,.0f}"
        decimals = {"ratio": 2, "hours": 1, "minutes": 1, "days": 1}
        return f"{self.value:,.{decimals.get(self.kind, 0)}f}"


@dataclass(frozen=True)
class Item:
    """One line of a KPI's definition; a plain text reads the same in both languages."""

    item_id: str
    label: Text
    content: Text | str | Figure


def word(words: dict[str, Text], code: str) -> Text:
    """What a code means; the code itself if nobody has worded it."""
    return words.get(code, Text(code, code))


def joined(texts: Iterable[Text], ja: str = "、", en: str = ", ") -> Text:
    """Several texts as one."""
    texts = list(texts)
    return Text(ja.join(each.ja for each in texts), en.join(each.en for each in texts))


def month_name(month: Month | None) -> Text:
    """A month's name."""
    if month is None:
        return Text(MISSING, MISSING)
    day = month.first_day
    return Text(f"{day.year}年{day.month}月", f"{day:%Y-%m}")


def state_of(version: Version, as_of: date) -> str:
    """Where a version stands on `as_of`, a key of STATES."""
    if version.is_current:
        return "in_force"
    if version.is_published:
        return "awaited" if version.effective_from > as_of else "past"
    return "draft" if version.status == "draft" else "unsigned"


def validity(first_day: date, last_day: date | None) -> Text:
    """From when to when."""
    if last_day is None:
        return Text(f"{first_day} から(期限なし)", f"from {first_day}, no end")
    return Text(f"{first_day} から {last_day} まで", f"from {first_day} to {last_day}")


def formula(version: Version) -> Text:
    """What is divided by what, what is counted or added up, or which statistic it is of what."""
    numerator, denominator = version.numerator, version.denominator
    if numerator and denominator:
        return joined([numerator.name, denominator.name], " ÷ ", " ÷ ")
    if numerator:
        how, what = word(TOTALS, numerator.unit), numerator.name
    else:
        how, what = word(STATISTICS, version.statistic or MISSING), _observed(version)
    return Text(f"{how.ja}:{what.ja}", f"{how.en}: {what.en}")


def unit(version: Version) -> Text:
    """The unit in a word."""
    if version.unit == "ratio" and version.numerator and version.denominator:
        one, other = PER.get(version.numerator.unit), PER.get(version.denominator.unit)
        if one and other:
            return Text(f"{one[0].ja}/{other[1].ja}", f"{one[0].en} per {other[1].en}")
    words = {
        "count": Text("件", "cases"),
        "rate": Text("%", "%"),
        "jpy": Text("円", "JPY"),
        "minutes": Text("分", "minutes"),
        "days": Text("日", "days"),
    }
    return word(words, version.unit)


def shown_as(version: Version) -> Text:
    """The unit, and how a value is written."""
    in_word = unit(version)
    how = {
        "count": Text("整数で表示", "shown as a whole number"),
        "rate": Text(
            "比率を百分率・小数1桁で表示(1 = 100%)",
            "shown as a percentage with one decimal (1 = 100%)",
        ),
        "ratio": Text("小数2桁で表示", "shown with two decimals"),
        "jpy": Text("円単位の整数で表示", "shown in whole yen"),
        "minutes": Text("小数1桁で表示", "shown with one decimal"),
        "days": Text("小数1桁で表示", "shown with one decimal"),
    }
    if version.unit not in how:
        return in_word
    return Text(f"{in_word.ja}。{how[version.unit].ja}", f"{in_word.en}, {how[version.unit].en}")


def nature(version: Version) -> Text:
    """Quantity or quality, which way is better, and whether it may carry a target."""
    target = (
        Text("目標を設定できる", "may carry a target")
        if version.is_targetable
        else Text("目標を設定しない", "may not carry a target")
    )
    words = word(NATURES, version.quantity_or_quality), word(POLARITIES, version.polarity), target
    together = joined(words, "・", "; ")
    return Text(together.ja, together.en.capitalize())


def bases(version: Version) -> Text:
    """By which dates its periods are cut."""
    found = []
    if version.has_event_basis:
        found.append(Text("発生日基準", "date of the event"))
    if version.has_cohort_basis and version.is_cohort_of_hand_over:
        found.append(Text("引き渡し日基準(コホート)", "date of hand-over (cohort)"))
    elif version.has_cohort_basis:
        found.append(Text("リード獲得日基準(コホート)", "date of lead acquisition (cohort)"))
    by = joined(found, "・", ", or ")
    return Text(by.ja, f"By {by.en}")


def dimensions(version: Version) -> Text:
    """By what it can be split."""
    found = [Text("合計", "In total")]
    found += [Text("チャネル別", "by channel")] if version.has_channel else []
    found += [Text("担当者別", "by rep")] if version.has_rep else []
    found += [Text("チーム別", "by team")] if version.has_team else []
    return joined(found, "・")


def maturity(version: Version) -> Text:
    """When a cohort's value has settled."""
    if not version.has_cohort_basis:
        return Text(MISSING, MISSING)
    days = version.maturity_days
    if not days:
        return Text("コホート期間の終了時に確定", "Settled when the cohort period ends")
    return Text(
        f"コホート期間の終了から{days}日後に確定",
        f"Settled {days} days after the cohort period ends",
    )


def owner(version: Version) -> Text:
    """Department and role that answer for it."""
    department = version.owner
    return Text(
        f"{department.name.ja}({department.role.ja})",
        f"{department.name.en} ({department.role.en})",
    )


def signoff(each: Signoff) -> Text:
    """A department and when it signed."""
    name = each.department.name
    if each.signed_on is None:
        return Text(f"{name.ja} {UNSIGNED.ja}", f"{name.en} {UNSIGNED.en}")
    return Text(f"{name.ja} {each.signed_on}", f"{name.en} {each.signed_on}")


def signoffs(version: Version) -> Text:
    """Who has signed, and who has not yet."""
    return joined(signoff(each) for each in version.signoffs) if version.signoffs else NONE


def signature_count(version: Version) -> str:
    """Signatures of those that are needed."""
    needed = [each for each in version.signoffs if each.is_required]
    return f"{sum(each.signed_on is not None for each in needed)} / {len(needed)}"


def policy_value(each: Policy) -> Text:
    """A policy's value in words with its code beside, but a number that the words hold once."""
    value = each.value
    if each.code in re.findall(r"\d+", value.ja) and each.code in re.findall(r"\d+", value.en):
        return value
    return Text(f"{value.ja}({each.code})", f"{value.en} ({each.code})")


def policy(each: Policy) -> Text:
    """A policy and its value."""
    value = policy_value(each)
    return Text(
        f"{each.name.ja}:{value.ja}、{each.effective_from} から",
        f"{each.name.en}: {value.en}, from {each.effective_from}",
    )


def fields(measure: Measure | Distribution) -> str:
    """Source fields, the columns of an object together."""
    by_object: dict[str, list[str]] = {}
    for each in measure.source_fields:
        source, _, column = each.partition(".")
        by_object.setdefault(source, []).append(column)
    return "; ".join(f"{source} ({', '.join(columns)})" for source, columns in by_object.items())


def target_words(kpi: Kpi) -> Text | None:
    """What stands where a target would, if there is none to show."""
    if not kpi.version.is_targetable:
        return NOT_TARGETABLE
    if kpi.target is None:
        return NO_TARGET
    return BY_CHANNEL_ONLY if kpi.target.value is None else None


def target_note(target: Target) -> Text:
    """Whose target it is."""
    name = target.department
    if target.value is None or not target.channels:
        return name
    return Text(
        f"{name.ja}({target.channels}チャネルの合計)",
        f"{name.en} (sum of {target.channels} channels)",
    )


def result_notes(kpi: Kpi, sheet: Sheet) -> list[Text]:
    """What has to be known to read the value."""
    result = kpi.result
    notes = []
    if result and result.is_small_sample:
        below = sheet.small_sample_below
        limit = Text(f"({below}件未満)", f" (fewer than {below} cases)") if below else Text("", "")
        notes.append(Text(f"{SMALL_SAMPLE.ja}{limit.ja}", f"{SMALL_SAMPLE.en}{limit.en}"))
    if result and result.is_mixed_version:
        notes.append(Text("月内に版が変わった", "the version changed within the month"))
    elif result and result.version != kpi.version.version:
        notes.append(
            Text(f"第{result.version}版で計数", f"counted by version {result.version}"),
        )
    state = state_of(kpi.version, sheet.as_of)
    if state != "in_force":
        notes.append(STATES[state])
    return notes


def measure_figure(measure: Measure | None, value: Number | None) -> Figure:
    """A measure's quantity."""
    return Figure(value if measure else None, measure.unit if measure else "count")


def denominator_figure(kpi: Kpi) -> Figure:
    """What it is divided by, or the cases that a statistic rests on."""
    value = kpi.result.denominator if kpi.result else None
    if kpi.version.distribution:
        return Figure(value, "count")
    return measure_figure(kpi.version.denominator, value)


def interval(kpi: Kpi) -> str:
    """The bounds of the 95 % interval, a dash if there is none."""
    result = kpi.result
    if result is None or result.ci_low is None or result.ci_high is None:
        return MISSING
    return f"{Figure(result.ci_low, 'rate')} – {Figure(result.ci_high, 'rate')}"


def definition_items(kpi: Kpi, sheet: Sheet) -> list[Item]:
    """A KPI's definition, line by line."""
    version = kpi.version
    numerator, denominator, sample = version.numerator, version.denominator, version.sample
    distribution = version.distribution
    counted = Text("分子", "Numerator") if denominator else Text("数えるもの", "What it counts")
    items = [
        Item("definition", Text("定義", "Definition"), version.definition),
        Item("formula", Text("計算式", "Formula"), formula(version)),
    ]
    if numerator:
        items.append(Item("numerator", counted, _measure(numerator)))
    if distribution:
        items += [
            Item("distribution", Text("観測値", "What is observed"), _distribution(distribution)),
            Item("additive", Text("集計", "Adding up"), NOT_ADDITIVE),
        ]
    if denominator:
        items.append(Item("denominator", Text("分母", "Denominator"), _measure(denominator)))
    if sample and sample != denominator:
        items.append(Item("sample", Text("標本", "Sample size"), _measure(sample)))
    items += [
        Item("unit", Text("単位と表示", "Unit"), shown_as(version)),
        Item("nature", Text("性質", "Nature"), nature(version)),
        Item("bases", Text("期間基準", "Period basis"), bases(version)),
        Item("maturity", Text("確定時期", "Maturity"), maturity(version)),
        Item("dimensions", Text("切り口", "Dimensions"), dimensions(version)),
        Item("owner", Text("責任者", "Owner"), owner(version)),
        Item("version", Text("版", "Version"), version_words(version, sheet)),
        Item("signoffs", Text("署名", "Sign-offs"), signoffs(version)),
        Item(
            "policies",
            Text("適用中の方針", "Policies in force"),
            joined((policy(each) for each in kpi.policies), "\n", "\n") if kpi.policies else NONE,
        ),
        Item("rules", Text("適用ルール", "Rules"), version.rules or MISSING),
        Item(
            "change",
            Text("変更と理由", "Change and reason"),
            joined([version.change, version.change_reason], " — ", " — "),
        ),
    ]
    if kpi.other_versions:
        others = (version_words(each, sheet) for each in kpi.other_versions)
        items.append(
            Item("other_versions", Text("他の版", "Other versions"), joined(others, "\n", "\n"))
        )
    of_numerator = Text("参照項目(分子)", "Source fields, numerator")
    if rests_on := numerator or distribution:
        items.append(
            Item(
                "fields_numerator",
                of_numerator if denominator else Text("参照項目", "Source fields"),
                fields(rests_on),
            )
        )
    if denominator:
        label = Text("参照項目(分母)", "Source fields, denominator")
        items.append(Item("fields_denominator", label, fields(denominator)))
    return items


def result_items(kpi: Kpi, sheet: Sheet) -> list[Item]:
    """A KPI's value of the month and its target, line by line."""
    version, result = kpi.version, kpi.result
    month = month_name(sheet.month)
    kind = version.unit
    items = [
        Item(
            "value",
            Text(f"実績({month.ja})", f"Actual ({month.en})"),
            Figure(result.value if result else None, kind),
        )
    ]
    if version.distribution:
        items.append(Item("value_cases", Text("件数", "Cases"), denominator_figure(kpi)))
    if version.denominator:
        items += [
            Item(
                f"value_{role}",
                label,
                measure_figure(measure, getattr(result, role) if result else None),
            )
            for role, label, measure in (
                ("numerator", Text("分子の値", "Numerator"), version.numerator),
                ("denominator", Text("分母の値", "Denominator"), version.denominator),
            )
        ]
        items.append(Item("interval", Text("95%信頼区間", "95% interval"), interval(kpi)))
    notes = result_notes(kpi, sheet)
    if notes:
        items.append(Item("notes", Text("注記", "Notes"), joined(notes, "、", "; ")))
    missing = target_words(kpi)
    target = Text(f"目標({month.ja})", f"Target ({month.en})")
    if missing:
        items.append(Item("target", target, missing))
    else:
        items += [
            Item("target", target, Figure(kpi.target.value, kind)),
            Item("target_of", Text("目標の部門", "Target of"), target_note(kpi.target)),
            Item(
                "attainment",
                Text("達成率(実績 ÷ 目標)", "Attainment (actual ÷ target)"),
                Figure(kpi.attainment, "rate"),
            ),
        ]
    others = [each for each in kpi.targets[1:] if each.value is not None]
    if others:
        texts = []
        for each in others:
            note, figure = target_note(each), Figure(each.value, kind)
            texts.append(Text(f"{note.ja} {figure}", f"{note.en} {figure}"))
        label = Text("他部門の目標", "Targets of other departments")
        items.append(Item("other_targets", label, joined(texts)))
    return items


def version_words(version: Version, sheet: Sheet) -> Text:
    """A version's number, where it stands and when it counts."""
    state = STATES[state_of(version, sheet.as_of)]
    status = word(STATUSES, version.status)
    words = joined(dict.fromkeys([status, state]), "・")
    days = validity(version.effective_from, version.effective_to)
    return Text(
        f"第{version.version}版({words.ja})、{days.ja}",
        f"Version {version.version} ({words.en.lower()}), {days.en}",
    )


@dataclass(frozen=True)
class Duty:
    """What a department answers for, and the versions that it has and has not signed."""

    department: Department
    owned: int
    signed: int
    missing: int


def duties(sheet: Sheet) -> list[Duty]:
    """Per department: KPIs it owns, versions it has signed, and those it has yet to sign."""
    signoffs_by = {
        each: [
            signoff
            for version in sheet.versions
            for signoff in version.signoffs
            if signoff.department == each
        ]
        for each in sheet.departments
    }
    return [
        Duty(
            department,
            owned=sum(kpi.version.owner == department for kpi in sheet.kpis),
            signed=sum(each.signed_on is not None for each in signoffs),
            missing=sum(each.signed_on is None for each in signoffs),
        )
        for department, signoffs in signoffs_by.items()
    ]


def legend(sheet: Sheet) -> list[Text]:
    """How to read the sheet."""
    month = month_name(sheet.month)
    below = sheet.small_sample_below
    lines = [
        Text(
            f"実績は{month.ja}(直近の完了月)の発生日基準・全チャネル合計。",
            f"Actuals are of {month.en}, the last complete month, by date of the event, in total.",
        ),
        Text(
            "比率は分子の合計 ÷ 分母の合計。比率を平均しない。分母が0のとき、値はない(–)。",
            "A rate is the sum of numerators over the sum of denominators, never an average of "
            "rates. Over nothing there is no value (–).",
        ),
        Text(
            "中央値などの統計量は合計も平均もしない。分母の欄はその件数。",
            "A median or another statistic is never added or averaged; the number of its cases "
            "stands in the place of the denominator.",
        ),
        Text(
            "目標は責任部門(なければ他部門)の全チャネル目標。件数・金額がチャネル別だけなら、"
            "その合計。",
            "Targets are the owner department's, else another's, for all channels; where counts "
            "or amounts are set by channel only, their sum.",
        ),
        Text(
            "達成率は実績 ÷ 目標。低いほど良いKPIでは100%以下が達成。",
            "Attainment is actual ÷ target; where lower is better, up to 100% is attained.",
        ),
    ]
    if below:
        lines.insert(
            2,
            Text(
                f"小標本は{below}件未満の比率。95%信頼区間とともに読む。",
                f"A small sample is a ratio of fewer than {below} cases; read it with its 95% "
                "interval.",
            ),
        )
    return lines


def by_phase(kpis: Sequence[Kpi]) -> list[tuple[str, Text, list[Kpi]]]:
    """The KPIs by phase of the funnel: phase, its name, its KPIs."""
    found: dict[str, list[Kpi]] = {phase: [] for phase in PHASES}
    for kpi in kpis:
        found.setdefault(kpi.version.phase, []).append(kpi)
    return [(phase, word(PHASES, phase), members) for phase, members in found.items() if members]


def _measure(measure: Measure) -> Text:
    name, counts = measure.name, measure.counts
    return Text(
        f"{name.ja}({measure.measure_id}):{counts.ja}",
        f"{name.en} ({measure.measure_id}): {counts.en}",
    )


def _observed(version: Version) -> Text:
    return version.distribution.name if version.distribution else Text(MISSING, MISSING)


def _distribution(distribution: Distribution) -> Text:
    name, counts = distribution.name, distribution.counts
    clock = word(CLOCKS, distribution.clock) if distribution.clock else None
    by = Text(f"、{clock.ja}", f", {clock.en}") if clock else Text("", "")
    return Text(
        f"{name.ja}({distribution.distribution_id}{by.ja}):{counts.ja}",
        f"{name.en} ({distribution.distribution_id}{by.en}): {counts.en}",
    )
