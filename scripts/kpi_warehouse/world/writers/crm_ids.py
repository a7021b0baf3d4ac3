"""The log's ids as Salesforce's, and which leads were converted to contacts."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.writers import salesforce_ids as sf
from kpi_warehouse.world.writers.identities import LOST_ID_BASE, Doubles
from kpi_warehouse.world.writers.native_limits import standing_permissions

FIRST_DOUBLE = 1_000_000_000
"""Numbers of merged doubles start here …"""
FIRST_LOST = 2_000_000_000
"""… and those of leads that are in no extract here."""


@dataclass(frozen=True)
class CrmIds:
    """Frames of log ids (`key`) and record ids (`id`), 18 characters.

    Attributes:
        users, accounts, deals: One row per user, account, opportunity.
        leads: One row per lead and merged double, with `number` (row of the lead in the log; of a
            double: that of its survivor), `contact_id` (null: never converted) and `who_id`, under
            which activities stand: the contact of a converted lead, else the lead.
    """

    users: pl.DataFrame
    accounts: pl.DataFrame
    deals: pl.DataFrame
    leads: pl.DataFrame

    def user(self, user_id: pl.Series) -> pl.Series:
        """Ids of users."""
        return looked_up(user_id, self.users, "id")

    def account(self, account_id: pl.Series) -> pl.Series:
        """Ids of accounts."""
        return looked_up(account_id, self.accounts, "id")

    def deal(self, opportunity_id: pl.Series) -> pl.Series:
        """Ids of opportunities."""
        return looked_up(opportunity_id, self.deals, "id")

    def lead(self, lead_id: pl.Series) -> pl.Series:
        """Ids of lead records; a lead that is in no extract has an id, too."""
        return with_lost(looked_up(lead_id, self.leads, "id"), lead_id)

    def who(self, lead_id: pl.Series) -> pl.Series:
        """Ids under which the activities of leads stand."""
        return with_lost(looked_up(lead_id, self.leads, "who_id"), lead_id)


def looked_up(keys: pl.Series, frame: pl.DataFrame, column: str) -> pl.Series:
    """The column of the row of each key; null where there is none."""
    named = pl.DataFrame({"key": keys})
    return named.join(frame, on="key", how="left", maintain_order="left")[column]


def with_lost(ids: pl.Series, lead_id: pl.Series) -> pl.Series:
    """Fills the ids of leads that no record has."""
    is_lost = ids.is_null() & lead_id.is_not_null()
    if not is_lost.any():
        return ids
    number = lead_id.set(~is_lost, None).cast(pl.Int64) - LOST_ID_BASE + FIRST_LOST
    return ids.zip_with(~is_lost, sf.salesforce_ids(sf.LEAD, number))


def numbered(keys: pl.Series, prefix: str, first: int = 0) -> pl.DataFrame:
    """Key, number and id of distinct keys, in their order."""
    number = pl.int_range(first, first + len(keys), eager=True)
    return pl.DataFrame(
        {"key": keys, "number": number - first, "id": sf.salesforce_ids(prefix, number)}
    )


def user_ids(log: WorldLog) -> pl.DataFrame:
    """key (the log's user id), number and id (Salesforce's) of every user."""
    return numbered(log.users["user_id"].unique().sort(), sf.USER)


def crm_ids(log: WorldLog, doubles: Doubles) -> CrmIds:
    """All ids of a log."""
    leads = numbered(log.leads["lead_id"], sf.LEAD)
    contact_id = sf.salesforce_ids(sf.CONTACT, leads["number"])
    is_converted = leads["key"].is_in(converted_leads(log, doubles).implode())
    leads = leads.with_columns(contact_id=contact_id.set(~is_converted, None))
    copies = numbered(doubles.rows["double_id"], sf.LEAD, FIRST_DOUBLE).with_columns(
        number=looked_up(doubles.rows["lead_id"], leads, "number"),
        contact_id=pl.lit(None, dtype=pl.String),
    )
    return CrmIds(
        users=user_ids(log),
        accounts=numbered(log.leads["account_id"].unique().sort(), sf.ACCOUNT),
        deals=numbered(log.opportunities["opportunity_id"], sf.OPPORTUNITY),
        leads=pl.concat([leads, copies]).with_columns(who_id=pl.coalesce("contact_id", "id")),
    )


def converted_leads(log: WorldLog, doubles: Doubles) -> pl.Series:
    """The leads that became contacts at their hand-over.

    Those with a history after it stay leads (a converted lead's fields change no more), and so do
    merged and deleted ones.
    """
    permissions = standing_permissions(log.permissions)
    later = pl.concat(
        [
            log.recycles.select("lead_id", at="recycled_at"),
            permissions.select("lead_id", at="granted_at"),
            permissions.select("lead_id", at="revoked_at").drop_nulls(),
        ]
    )
    handed = log.leads.filter(pl.col("handed_over_at").is_not_null(), ~pl.col("is_deleted"))
    with_later = handed.join(later, on="lead_id").filter(pl.col("at") > pl.col("handed_over_at"))
    return (
        handed.join(with_later, on="lead_id", how="anti", maintain_order="left")
        .join(doubles.by_lead, on="lead_id", how="anti", maintain_order="left")
        .get_column("lead_id")
    )
