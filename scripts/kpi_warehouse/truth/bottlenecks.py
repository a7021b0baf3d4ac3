"""What the shortfall of each step of the funnel costs, by playing the month again without it.

The chain is run forward twice in exact arithmetic, once as it was and once with one step as it
should have been; what is missing at the end is the loss.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from kpi_warehouse.truth.kpis import KPIS, Kpi

CHAIN = (
    "leads_acquired",
    "calls_made",
    "calls_connected",
    "target_connections",
    "meetings",
    "qualified_meetings",
    "deals_won",
    "won_amount",
)
DEALS = CHAIN.index("deals_won")
WINDOW_MONTHS = 6

Volumes = Mapping[str, Fraction]


@dataclass(frozen=True)
class Step:
    """One step of one month. None is what is not known.

    Attributes:
        kpi_id: what the step leads to.
        actual, target: a volume for the first one, else a rate; the target of the whole month.
        source: target, target_counts, target_rate or history.
        shortfall: what is missing of the part of the target that is due.
        deals_lost: how many deals that costs.
        amount_lost: how many yen.
    """

    kpi_id: str
    actual: Fraction | None
    target: Fraction | None
    source: str | None
    shortfall: Fraction | None
    deals_lost: Fraction | None
    amount_lost: Fraction | None


def rate_kpis(kpis: Sequence[Kpi] = KPIS) -> dict[str, str]:
    """By the end of a step, the KPI whose formula is exactly that step; not every step has one."""
    counted = {kpi.kpi_id: kpi.numerator for kpi in kpis}
    by_formula = {(kpi.numerator, kpi.denominator): kpi.kpi_id for kpi in kpis if kpi.denominator}
    formulas = {end: (counted[end], counted[start]) for start, end in pairwise(CHAIN)}
    return {end: by_formula[each] for end, each in formulas.items() if each in by_formula}


def steps(
    month: Volumes,
    targets: Mapping[str, Fraction],
    before: Sequence[Volumes],
    due: Fraction = Fraction(1),
    top_target: Fraction | None = None,
) -> list[Step]:
    """The steps of one month and channel.

    Args:
        month: the volumes of the chain; what is not there is zero.
        targets: of its KPIs and of the rates between them, as agreed for this channel.
        before: the same volumes of the earlier months that count as history.
        due: which part of the month's volume should be there by now.
        top_target: of the first volume, where the channel itself has none.
    """
    volumes = [month.get(kpi_id, Fraction(0)) for kpi_id in CHAIN]
    rates = [_over(end, start) for start, end in pairwise(volumes)]
    history = [sum(each.get(kpi_id, Fraction(0)) for each in before) for kpi_id in CHAIN]
    trailing = [_over(end, start) for start, end in pairwise(history)]
    price = next((each for each in (rates[-1], trailing[-1]) if each and each > 0), None)
    known_rates = rate_kpis()
    found = []
    for place, kpi_id in enumerate(CHAIN):
        if place == 0:
            actual: Fraction | None = volumes[0]
            target = targets.get(kpi_id, top_target)
            source = None if target is None else "target"
            expected = None if target is None else target * due
        else:
            actual = rates[place - 1]
            start = CHAIN[place - 1]
            if kpi_id in targets and targets.get(start, 0) > 0:
                target, source = targets[kpi_id] / targets[start], "target_counts"
            elif known_rates.get(kpi_id) in targets:
                target, source = targets[known_rates[kpi_id]], "target_rate"
            else:
                target = trailing[place - 1]
                source = None if target is None else "history"
            expected = target
        if actual is None or expected is None:
            found.append(Step(kpi_id, actual, target, source, None, None, None))
            continue
        shortfall = max(expected - actual, Fraction(0))
        lost = _deals_lost(volumes, rates, place, expected) if shortfall else Fraction(0)
        yen = None if lost is None or (lost and price is None) else lost * (price or 0)
        found.append(Step(kpi_id, actual, target, source, shortfall, lost, yen))
    return found


def bottleneck(of_month: Sequence[Step]) -> str | None:
    """The step that costs the most deals, the earlier of two; None if none costs any."""
    costly = [step for step in of_month if step.deals_lost]
    return max(costly, key=lambda step: step.deals_lost).kpi_id if costly else None


def _deals_lost(
    volumes: Sequence[Fraction], rates: Sequence[Fraction | None], place: int, wanted: Fraction
) -> Fraction | None:
    if place == DEALS + 1:
        # yen that are missing, in deals of the size they had
        price = rates[DEALS]
        return (volumes[DEALS] * wanted - volumes[place]) / price if price and price > 0 else None
    through = volumes[place]
    if place:
        wanted = volumes[place - 1] * wanted
    for rate in rates[place:DEALS]:
        if rate is None:
            return None
        through, wanted = through * rate, wanted * rate
    # nobody knows what one more case would bring where there was none
    return wanted - through if volumes[place] > 0 or place >= DEALS else None


def _over(numerator: Fraction | int, denominator: Fraction | int) -> Fraction | None:
    return Fraction(numerator) / denominator if denominator > 0 else None
