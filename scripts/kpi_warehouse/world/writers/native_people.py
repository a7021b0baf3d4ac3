"""Names of the leads' persons, e-mail addresses of the reps, numbers of the companies' main lines.

Families of the leads are named as nobody in the sales team is, so that a name that leaks shows.
"""

from __future__ import annotations

import polars as pl

from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.prospects import phone_numbers

FAMILY_NAMES = (
    *("勅使河原", "早乙女", "五十嵐", "四方田", "一ノ瀬", "宮﨑", "髙見沢", "長谷部", "御手洗"),
    *("西園寺", "小鳥遊", "二階堂", "久保寺", "榊原", "藤堂", "綾小路", "九条", "不破", "鬼塚"),
)
GIVEN_NAMES = (
    *("総一郎", "千鶴子", "誠司", "由紀夫", "和歌子", "隆之介", "美津江", "泰造", "絹代"),
    *("昌弘", "志保", "源太", "喜久江"),
)
MAIN_LINE_BLOCK = 2
"""Block of telephone numbers of which the leads and the strangers have none."""
MAIN_LINE_EVERY = 4
"""One of so many accounts has a main line that its leads give as their number."""


def person_names(number: pl.Series) -> pl.DataFrame:
    """first_name and last_name of the persons with these numbers."""
    families = pl.Series(FAMILY_NAMES).gather(number % len(FAMILY_NAMES))
    given = pl.Series(GIVEN_NAMES).gather(number // len(FAMILY_NAMES) % len(GIVEN_NAMES))
    return pl.DataFrame({"first_name": given, "last_name": families})


def user_email(user_id: pl.Expr) -> pl.Expr:
    """A rep's address, by which the dialer knows the rep."""
    return pl.format("rep{}@hq.example.jp", user_id)


def main_lines(log: WorldLog) -> pl.DataFrame:
    """The accounts with a main line that several of their living leads share.

    Returns:
        account_id, main_line (E.164).
    """
    shared = (
        log.leads.filter(~pl.col("is_deleted"))
        .group_by("account_id")
        .agg(leads=pl.len())
        .filter(pl.col("leads") > 1)
        .sort("account_id")
        .gather_every(MAIN_LINE_EVERY)
    )
    return shared.select(
        "account_id", phone_numbers(MAIN_LINE_BLOCK, shared.height).alias("main_line")
    )
