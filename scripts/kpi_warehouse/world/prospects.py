"""The leads: where they come from, when, and who works them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kpi_warehouse.world.clock import Calendar, Seconds, demand, utc_seconds, working_seconds
from kpi_warehouse.world.people import People
from kpi_warehouse.world.randomness import chance, pick, whole
from kpi_warehouse.world.rates import MOTIONS, Rates

WEB_CHANNELS = (
    *("web_inquiry", "document_request", "trial", "whitepaper", "webinar", "comparison_site"),
    *("paid_ads", "organic", "sns", "unknown", "unmapped"),
)
"""Channels whose leads arrive at any hour of any day."""
COMPANY_FIRST = (
    *("青空", "東和", "みなと", "北斗", "三栄", "大成", "光陽", "富士見", "桜井", "丸善堂"),
    *("ひかり", "日新", "アルプス", "サンライズ", "ミライ", "ネクスト"),
    *("中央", "山手", "髙倉", "①番館"),
)
COMPANY_SECOND = (
    *("システム", "工業", "商事", "製作所", "物流", "フーズ", "建設", "電機", "薬品", "印刷"),
    *("テクノロジーズ", "ホールディングス", "サービス", "不動産", "エナジー", "コンサルティング"),
)
COMPANY_REGIONS = (
    *("", "北海道", "東北", "関東", "東京", "神奈川", "信越", "北陸", "東海", "名古屋", "近畿"),
    *("京都", "大阪", "神戸", "山陰", "山陽", "四国", "九州", "福岡", "沖縄"),
    *("東日本", "西日本", "首都圏", "関西"),
)
COMPANY_FORMS = (
    ("株式会社{}", "(株){}", "㈱{}"),
    ("{}株式会社", "{}(株)", "{}㈱"),
    ("{}有限会社", "{}(有)", "{}㈲"),
)
"""Legal forms, each in the spellings of one and the same company."""
SPELLING_DRAWS = 1_600
"""Ways in which the spelling of a company is drawn."""
LEADS_PER_ACCOUNT = 3
"""Leads that follow each other in time work for one company."""
INDUSTRIES = (
    *("製造業", "情報通信業", "卸売業・小売業", "建設業"),
    *("運輸業", "金融業", "医療・福祉", ""),
)
TITLES = ("部長", "課長", "代表取締役", "情報システム担当", "営業企画", "主任", "")
SIZES = (8, 25, 60, 120, 300, 800, 2500, 12000)
"""Head counts from which a lead's company size is drawn."""
LONG_ID_BASE = 9_007_199_254_740_993_000
"""A 19-digit id; neighbours of it become one number when read as floating point."""


@dataclass(frozen=True)
class Leads:
    """The leads as arrays; a lead is its position, in order of creation.

    Attributes:
        created: Moment of creation.
        channel, latest_channel: Positions in `Rates.channels`.
        is_target, is_deleted: As in the log.
        rep: The inside rep who works the lead.
        ids: Lead ids.
        frame: Further columns of the log's frame that do not depend on what happens later.
    """

    created: Seconds
    channel: NDArray[np.int64]
    latest_channel: NDArray[np.int64]
    is_target: NDArray[np.bool_]
    is_deleted: NDArray[np.bool_]
    rep: NDArray[np.int64]
    ids: pl.Series
    frame: pl.DataFrame

    def __len__(self) -> int:
        return self.created.size


def creation_moments(
    rng: np.random.Generator, calendar: Calendar, rates: Rates, channel: NDArray[np.int64]
) -> Seconds:
    """When leads of the given channels are created: by season, web channels around the clock."""
    season = rates.tables["season"]
    days = np.arange(calendar.first_day, calendar.last_day + 1)
    weight, is_business = demand(calendar, rates), calendar.is_business_day(days)
    web_day = days[pick(rng, weight * np.where(is_business, 1.0, season["weekend"]), channel.size)]
    office_day = days[pick(rng, weight * is_business, channel.size)]
    evening = whole(rng.triangular(0, 14 * 3600, 24 * 3600, channel.size))
    is_web = np.isin(channel, [rates.position(name) for name in WEB_CHANNELS])
    created = np.where(
        is_web,
        utc_seconds(web_day, evening),
        utc_seconds(office_day, working_seconds(rng, rates, channel.size)),
    )
    starts = calendar.month_starts
    on_boundary = utc_seconds(starts[rng.integers(0, starts.size, channel.size)], 0)
    on_boundary -= rng.integers(0, 2, channel.size)
    return np.where(
        is_web & chance(rng, season["boundary_share"], channel.size), on_boundary, created
    )


def source_texts(rng: np.random.Generator, rates: Rates, channel: NDArray[np.int64]) -> pl.Series:
    """A text of the source field for each channel; null for `unknown`."""
    texts = [source or (None,) for source in rates.sources]
    starts = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
    choice = rng.integers(0, 1 << 30, channel.size) % np.diff(starts)[channel]
    flat = pl.Series([text for group in texts for text in group], dtype=pl.String)
    return flat.gather(starts[channel] + choice)


def lead_ids(size: int) -> pl.Series:
    """Ids: ten digits with leading zeros, every 20th one 19 digits."""
    number = pl.int_range(size, eager=True)
    short = (number + 1).cast(pl.String).str.zfill(10)
    long = (number + LONG_ID_BASE).cast(pl.String)
    return short.zip_with(number % 20 != 7, long)


def phone_numbers(block: int, size: int) -> pl.Series:
    """E.164 numbers, all different, of subscribers no exchange has (they begin with 0 or 1).

    Args:
        block: 0 for leads, 1 for numbers that no lead has.
        size: At most 20 million.
    """
    number = pl.int_range(size, eager=True)
    frame = pl.DataFrame({"number": number})
    return frame.select(
        phone=pl.format(
            "+81{}{}{}",
            pl.when(pl.col("number") % 2 == 0).then(pl.lit("3")).otherwise(pl.lit("6")),
            pl.lit(str(block)),
            (pl.col("number") // 2).cast(pl.String).str.zfill(7),
        )
    )["phone"]


def company_names(account: pl.Series, spelling: NDArray[np.int64]) -> pl.Series:
    """The name of each account's company, which no other account has.

    Args:
        account: Account numbers from 0.
        spelling: Any numbers; equal ones write the legal form alike.
    """
    first, second, region = len(COMPANY_FIRST), len(COMPANY_SECOND), len(COMPANY_REGIONS)
    number = pl.col("account")
    rest = number // (first * second)
    again = rest // region
    core = pl.concat_str(
        pl.lit(pl.Series(COMPANY_FIRST)).gather(number % first),
        pl.lit(pl.Series(COMPANY_SECOND)).gather(number // first % second),
        pl.lit(pl.Series(COMPANY_REGIONS)).gather(rest % region),
        pl.when(again > 0).then(again.cast(pl.String)).otherwise(pl.lit("")),
    )
    form = number % len(COMPANY_FORMS)
    way = pl.col("spelling") % len(COMPANY_FORMS[0])
    name = core
    for position, spellings in enumerate(COMPANY_FORMS):
        for kind, text in enumerate(spellings):
            name = (
                pl.when((form == position) & (way == kind))
                .then(pl.format(text, core))
                .otherwise(name)
            )
    frame = pl.DataFrame({"account": account, "spelling": pl.Series(spelling)})
    return frame.select(name.alias("company"))["company"]


def acquire(
    rng: np.random.Generator, calendar: Calendar, rates: Rates, people: People, size: int
) -> Leads:
    """All leads of the world, in order of creation; some are created after the as_of_date."""
    setup = rates.tables["leads"]
    channel = pick(rng, rates.by_channel["share"], size)
    if size >= len(rates.channels):
        channel[: len(rates.channels)] = np.arange(len(rates.channels))
    created = creation_moments(rng, calendar, rates, channel)
    order = np.lexsort((channel, created))
    channel, created = channel[order], created[order]
    differs = chance(rng, setup["latest_differs"], size)
    later = pick(rng, rates.by_channel["share"], size)
    latest = np.where(differs & (later < rates.position("unknown")), later, channel)
    source = source_texts(rng, rates, channel)
    same = pl.Series(latest == channel)
    number = pl.Series(np.arange(size))
    is_sdr = rates.motion[channel] == MOTIONS.index("SDR")
    draw = rng.random(size)
    rep = np.where(is_sdr, draw * people.sdr, people.sdr + draw * people.bdr).astype(np.int64)
    words = {
        "industry": pl.Series(INDUSTRIES).gather(rng.integers(0, len(INDUSTRIES), size)),
        "title": pl.Series(TITLES).gather(rng.integers(0, len(TITLES), size)),
    }
    frame = pl.DataFrame(
        {
            "source": source,
            "latest_source": source.zip_with(same, source_texts(rng, rates, latest)),
            "employees": pl.Series(SIZES, dtype=pl.Int64).gather(rng.integers(0, len(SIZES), size)),
            "company": company_names(
                number // LEADS_PER_ACCOUNT, rng.integers(0, SPELLING_DRAWS, size)
            ),
            **{name: text.set(text == "", None) for name, text in words.items()},
            "phone": phone_numbers(0, size),
        }
    ).with_columns(
        email=pl.format("contact{}@firm{}.example.jp", number + 1, number // LEADS_PER_ACCOUNT),
        account_id=pl.format("A{}", (number // LEADS_PER_ACCOUNT).cast(pl.String).str.zfill(9)),
    )
    return Leads(
        created=created,
        channel=channel,
        latest_channel=latest,
        is_target=~chance(rng, setup["not_target"], size),
        is_deleted=chance(rng, setup["deleted"], size),
        rep=rep,
        ids=lead_ids(size),
        frame=frame,
    )
