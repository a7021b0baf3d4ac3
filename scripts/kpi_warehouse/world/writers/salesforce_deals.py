"""Opportunities as records of Salesforce, with the histories of their stages and owners."""

from __future__ import annotations

import numpy as np
import polars as pl

from kpi_warehouse.world.deals import LOST, OPEN_STAGES, WON
from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.randomness import chance, generator
from kpi_warehouse.world.writers import salesforce_ids as sf
from kpi_warehouse.world.writers.columns import flags
from kpi_warehouse.world.writers.crm_ids import CrmIds, looked_up
from kpi_warehouse.world.writers.salesforce_records import Record

PROBABILITY = dict(zip(OPEN_STAGES, (10, 20, 50, 70, 85), strict=True)) | {WON: 100, LOST: 0}
"""Percent by stage."""
AMOUNT_ONLY_SHARE = 0.3
"""Stage events after which only amount or probability change again."""
FISCAL_YEAR_START = 4
FIRST_DEAL_HISTORY = 4_000_000_000
"""Histories of fields share a prefix: those of deals are numbered from here."""
BY_FIELD, BY_CONVERSION, BY_ROLE = range(3)
"""How a deal names its lead: a field of the organisation, the lead's conversion, or a contact with
a role in it."""


def deal_records(
    log: WorldLog,
    ids: CrmIds,
    older: pl.DataFrame,
    current: pl.DataFrame,
    history: pl.DataFrame,
) -> Record:
    """Opportunities (an earlier export and the current one), histories and contact roles.

    Args:
        log: The world.
        ids: Its ids.
        older, current, history: As `write_opportunities` makes them.
    """
    rng = generator(log.seed, "writers/salesforce/deals")
    link = links(rng, ids, current)
    by_field = pl.DataFrame({"opportunity_id": current["opportunity_id"], "link": link}).filter(
        pl.col("link") == BY_FIELD
    )["opportunity_id"]
    rows = opportunity_rows(ids, current, by_field, names_year_by_first=False)
    earlier = opportunity_rows(ids, older, by_field, names_year_by_first=True).with_columns(
        sf.short_ids(pl.col("Id", "OwnerId"))
    )
    stages, only_amount = stage_rows(rng, ids, current, history)
    roles = contact_roles(rng, ids, current.filter(link == BY_ROLE))
    owners = owner_rows(log, ids)
    return Record(
        frames={
            "Opportunity_1": earlier,
            "Opportunity_2": rows,
            "opportunity_history": stages,
            "opportunity_field_history": owners,
            "OpportunityContactRole": roles,
        },
        traps={
            "deal_linked_by_conversion": int((link == BY_CONVERSION).sum()),
            "deal_linked_by_contact_role": int((link == BY_ROLE).sum()),
            "deal_history_of_amount_only": only_amount,
            "deal_owner_changed": owners.filter(pl.col("NewValue").str.starts_with("005")).height,
            "deal_with_two_contact_roles": roles.height - roles["OpportunityId"].n_unique(),
        },
    )


def links(rng: np.random.Generator, ids: CrmIds, deals: pl.DataFrame) -> pl.Series:
    """How each deal names its lead; only a converted lead's may do without the field."""
    first = deals.select(pl.col("opportunity_id").min().over("lead_id")).to_series()
    is_converted = looked_up(deals["lead_id"], ids.leads, "contact_id").is_not_null()
    wants_role = flags(chance(rng, 0.4, deals.height))
    frame = pl.DataFrame(
        {
            "is_converted": is_converted,
            "is_first": deals["opportunity_id"] == first,
            "wants_role": wants_role,
            "wants_field": flags(chance(rng, 0.2, deals.height)),
        }
    )
    return frame.select(
        pl.when(~pl.col("is_converted") | pl.col("wants_field"))
        .then(BY_FIELD)
        .when(pl.col("is_first") & ~pl.col("wants_role"))
        .then(BY_CONVERSION)
        .otherwise(BY_ROLE)
        .alias("link")
    ).to_series()


def fiscal_year(column: str, *, names_year_by_first: bool) -> pl.Expr:
    """Year of the fiscal year of a date, named by its first or last month."""
    day = pl.col(column)
    first = day.dt.year() - (day.dt.month() < FISCAL_YEAR_START).cast(pl.Int32)
    return first if names_year_by_first else first + 1


def opportunity_rows(
    ids: CrmIds, deals: pl.DataFrame, by_field: pl.Series, *, names_year_by_first: bool
) -> pl.DataFrame:
    """Records of deals; those in `by_field` name their lead themselves."""
    stage = pl.col("stage")
    names_lead = pl.col("opportunity_id").is_in(by_field.implode())
    return deals.with_columns(lead_record_id=ids.lead(deals["lead_id"])).select(
        Id=ids.deal(deals["opportunity_id"]),
        AccountId=pl.lit(None, dtype=pl.String),
        Name=pl.format("導入案件 {}", "opportunity_id"),
        Amount="amount",
        CurrencyIsoCode="currency",
        Probability=stage.replace_strict(PROBABILITY, return_dtype=pl.Int64),
        StageName=stage,
        Type=pl.lit("New Business"),
        LeadSource=pl.lit(None, dtype=pl.String),
        CampaignId=pl.lit(None, dtype=pl.String),
        CloseDate="close_date",
        CreatedDate="created_at",
        CreatedById=ids.user(deals["created_by_id"]),
        ForecastCategory=pl.lit("Pipeline"),
        FiscalYear=fiscal_year("close_date", names_year_by_first=names_year_by_first),
        FiscalQuarter=(pl.col("close_date").dt.month() - FISCAL_YEAR_START) % 12 // 3 + 1,
        IsClosed="is_closed",
        IsWon="is_won",
        OwnerId=ids.user(deals["owner_id"]),
        LastModifiedDate="updated_at",
        SystemModstamp="updated_at",
        IsDeleted=pl.col("is_deleted").fill_null(False),
        Loss_Reason__c="loss_reason",
        Lead__c=pl.when(names_lead).then("lead_record_id"),
        NextStep=pl.lit(None, dtype=pl.String),
    )


def stage_rows(
    rng: np.random.Generator, ids: CrmIds, deals: pl.DataFrame, history: pl.DataFrame
) -> tuple[pl.DataFrame, int]:
    """OpportunityHistory: the stage events, and rows in which the stage did not change.

    Returns:
        The rows, and how many of them have the stage of the one before.
    """
    events = history.join(
        deals.select("opportunity_id", "amount", "close_date"),
        on="opportunity_id",
        how="left",
        maintain_order="left",
    ).sort("opportunity_id", "entered_at")
    following = pl.col("entered_at").shift(-1).over("opportunity_id")
    probability = (
        pl.col("stage").str.strip_chars().replace_strict(PROBABILITY, return_dtype=pl.Int64)
    )
    events = events.with_columns(next_at=following, probability=probability)
    chosen = events.filter(
        flags(chance(rng, AMOUNT_ONLY_SHARE, events.height)),
        pl.col("next_at").is_not_null(),
    )
    is_amount = flags(chance(rng, 0.5, chosen.height))
    gap = (pl.col("next_at") - pl.col("entered_at")).dt.total_seconds()
    between = chosen.with_columns(
        entered_at=pl.col("entered_at") + pl.duration(seconds=gap // 2),
        amount=pl.when(is_amount)
        .then((pl.col("amount") * 2).cast(pl.Decimal(18, 2)))
        .otherwise("amount"),
        probability=pl.when(is_amount).then("probability").otherwise(pl.col("probability") + 5),
    )
    rows = pl.concat([events, between]).sort("entered_at", "opportunity_id")
    return rows.select(
        Id=sf.salesforce_ids(sf.OPPORTUNITY_HISTORY, pl.int_range(rows.height, eager=True)),
        OpportunityId=ids.deal(rows["opportunity_id"]),
        StageName="stage",
        Amount="amount",
        CloseDate="close_date",
        Probability="probability",
        ForecastCategory=pl.lit("Pipeline"),
        CreatedById=ids.user(rows["changed_by_id"]),
        CreatedDate="entered_at",
        IsDeleted=pl.lit(False),
    ), between.height


def owner_rows(log: WorldLog, ids: CrmIds) -> pl.DataFrame:
    """OpportunityFieldHistory: each change of owner as two rows, by id and by name, and others."""
    events = log.stage_events.sort("opportunity_id", "entered_at").with_columns(
        before=pl.col("owner_id").shift(1).over("opportunity_id")
    )
    changed = events.filter(pl.col("owner_id") != pl.col("before"))
    names = log.users.select("user_id", "name").unique("user_id", keep="last", maintain_order=True)
    name_of = dict(names.rows())
    by_id = changed.select(
        "opportunity_id",
        Field=pl.lit("Owner"),
        OldValue=ids.user(changed["before"]),
        NewValue=ids.user(changed["owner_id"]),
        CreatedById=ids.user(changed["owner_id"]),
        CreatedDate="entered_at",
    )
    by_name = by_id.with_columns(
        OldValue=changed["before"].replace_strict(name_of, return_dtype=pl.String),
        NewValue=changed["owner_id"].replace_strict(name_of, return_dtype=pl.String),
    )
    staged = events.filter(pl.col("before").is_not_null())
    other = staged.select(
        "opportunity_id",
        Field=pl.lit("NextStep"),
        OldValue=pl.lit(None, dtype=pl.String),
        NewValue=pl.lit("見積送付"),
        CreatedById=ids.user(staged["owner_id"]),
        CreatedDate="entered_at",
    )
    rows = pl.concat([by_id, by_name, other.gather_every(4)]).sort(
        "CreatedDate", "opportunity_id", "NewValue"
    )
    return rows.select(
        Id=sf.salesforce_ids(
            sf.FIELD_HISTORY,
            pl.int_range(FIRST_DEAL_HISTORY, FIRST_DEAL_HISTORY + rows.height, eager=True),
        ),
        OpportunityId=ids.deal(rows["opportunity_id"]),
        Field="Field",
        OldValue="OldValue",
        NewValue="NewValue",
        CreatedById="CreatedById",
        CreatedDate="CreatedDate",
    )


def contact_roles(rng: np.random.Generator, ids: CrmIds, deals: pl.DataFrame) -> pl.DataFrame:
    """Roles of the leads' contacts; some deals have another contact, who is not the primary one."""
    contact_id = looked_up(deals["lead_id"], ids.leads, "contact_id")
    has_second = flags(chance(rng, 0.4, deals.height)) & contact_id.shift(1).is_not_null()
    parts = pl.DataFrame(
        {
            "deal": ids.deal(deals["opportunity_id"]),
            "primary": contact_id,
            "second": contact_id.shift(1),
            "has_second": has_second,
        }
    )
    rows = pl.concat(
        [
            parts.select("deal", contact="primary", is_primary=pl.lit(True)),
            parts.filter("has_second").select("deal", contact="second", is_primary=pl.lit(False)),
        ]
    )
    # A deal with one contact often does not say that it is the primary one.
    single = rows.select(pl.len().over("deal") == 1).to_series()
    silent = single & flags(chance(rng, 0.3, rows.height))
    return rows.select(
        Id=sf.salesforce_ids(sf.CONTACT_ROLE, pl.int_range(rows.height, eager=True)),
        OpportunityId="deal",
        ContactId="contact",
        Role=pl.lit("Decision Maker"),
        IsPrimary=pl.col("is_primary") & ~silent,
    )
