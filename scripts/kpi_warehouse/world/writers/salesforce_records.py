"""Leads, contacts, accounts, people and campaigns as records of Salesforce."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from kpi_warehouse.world.clock import JAPAN
from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.prospects import company_names
from kpi_warehouse.world.randomness import chance, generator, pick
from kpi_warehouse.world.writers import salesforce_ids as sf
from kpi_warehouse.world.writers.columns import flags
from kpi_warehouse.world.writers.crm_ids import CrmIds
from kpi_warehouse.world.writers.generic_records import DEPARTMENTS
from kpi_warehouse.world.writers.identities import spelled
from kpi_warehouse.world.writers.native_people import (
    main_lines,
    person_names,
    user_email,
)

NUMBER_SPELLING = (0.20, 0.35, 0.20, 0.10, 0.10, 0.05)
"""How a number is written in a record, by `PHONE_SPELLINGS`."""
EXTENSION_SHARE = 0.3
"""Main lines written with an extension."""
CAPITALS_SHARE = 0.05
"""Addresses in capital letters."""
COLLEAGUES_SHARE = 0.3
"""Contacts per converted lead that never were a lead."""
FIRST_COLLEAGUE = 3_000_000_000
"""Numbers of such contacts."""
CAMPAIGNS = ("春の展示会", "導入事例ウェビナー", "製品カタログ請求", "年末キャンペーン")
MEMBER_SHARE = 0.25
MEMOS = (
    "前任者から引継ぎ。先方は予算化待ち",
    "=cmd|' /C calc'!A0",
    '1行目\n2行目 "要確認"; DROP TABLE leads; --',
    "<script>alert(1)</script>",
)
MEMO_SHARE = 0.1


@dataclass(frozen=True)
class Record:
    """The rows of some objects by file name, and what was planted in them."""

    frames: dict[str, pl.DataFrame]
    traps: dict[str, int]


def japan_date(column: str) -> pl.Expr:
    """Date in Japan of a moment."""
    return (pl.col(column) + pl.duration(seconds=JAPAN)).dt.date()


def memos(rng: np.random.Generator, size: int, texts: tuple[str, ...] = MEMOS) -> pl.Series:
    """Free text in a share of the records."""
    chosen = pl.Series(texts).gather(rng.integers(0, len(texts), size))
    return chosen.set(flags(~chance(rng, MEMO_SHARE, size)), None)


def lead_records(
    log: WorldLog, ids: CrmIds, current: pl.DataFrame, older: pl.DataFrame, deals: pl.DataFrame
) -> Record:
    """Lead records: a first export with earlier states and 15-character ids, and the current one.

    Args:
        log: The world.
        ids: Its ids.
        current: Records as `write_leads` makes them, doubles included.
        older: Earlier states of some of them.
        deals: Current opportunities (opportunity_id, lead_id), of which a conversion names one.
    """
    rng = generator(log.seed, "writers/salesforce/leads")
    size = current.height
    named = current.join(ids.leads, left_on="lead_id", right_on="key", maintain_order="left")
    lines = main_lines(log)
    named = named.join(lines, on="account_id", how="left", maintain_order="left")
    own = spelled(named["phone"], pick(rng, NUMBER_SPELLING, size))
    main = spelled(named["main_line"], pick(rng, NUMBER_SPELLING, size))
    extension = flags(chance(rng, EXTENSION_SHARE, size)) & named["main_line"].is_not_null()
    main = main.zip_with(~extension, main + " (内線123)")
    in_capitals = flags(chance(rng, CAPITALS_SHARE, size))
    first_deal = deals.group_by("lead_id").agg(first=pl.col("opportunity_id").min())
    converted_deal = named.select("lead_id").join(
        first_deal, on="lead_id", how="left", maintain_order="left"
    )["first"]
    is_converted = pl.col("contact_id").is_not_null()
    marketing = log.users.filter(pl.col("department") == "marketing")["user_id"].head(1)
    handed_over_at = log.leads.select("lead_id", true_handed_over_at="handed_over_at")
    names = person_names(named["number"])
    rows = named.join(handed_over_at, on="lead_id", how="left", maintain_order="left").select(
        "lead_id",
        Id="id",
        FirstName=names["first_name"],
        LastName=names["last_name"],
        Email=pl.when(in_capitals).then(pl.col("email").str.to_uppercase()).otherwise("email"),
        Phone=pl.coalesce(main, own),
        MobilePhone=pl.when(pl.col("main_line").is_not_null()).then(own),
        Company="company",
        Title="title",
        Industry="industry",
        NumberOfEmployees="employees",
        LeadSource="source",
        Status="status",
        OwnerId=ids.user(named["owner_id"]),
        IsConverted=is_converted,
        ConvertedDate=pl.when(is_converted).then(japan_date("true_handed_over_at")),
        ConvertedAccountId=pl.when(is_converted).then(ids.account(named["account_id"])),
        ConvertedContactId="contact_id",
        ConvertedOpportunityId=pl.when(is_converted).then(ids.deal(converted_deal)),
        MasterRecordId=ids.lead(named["merged_into_id"]),
        HasOptedOutOfEmail=pl.lit(False),
        DoNotCall=pl.lit(False),
        EmailBouncedDate=pl.lit(None, dtype=pl.Datetime("us")),
        CreatedById=pl.lit(ids.user(marketing).first(), dtype=pl.String),
        CreatedDate="created_at",
        LastModifiedDate="updated_at",
        SystemModstamp="updated_at",
        IsDeleted=pl.col("is_deleted").fill_null(False) | pl.col("merged_into_id").is_not_null(),
        Latest_Source__c="latest_source",
        Is_Target__c="is_target",
        UTM_Source__c=pl.lit("cpc"),
        Legacy_No__c=pl.format("{}", pl.col("number")).str.zfill(12),
        Description=memos(rng, size),
    )
    before = older.select("lead_id", "status", "source", "updated_at")
    earlier = (
        rows.join(before, on="lead_id", how="inner", maintain_order="left")
        .with_columns(
            Status="status",
            LeadSource="source",
            IsConverted=pl.lit(False),
            ConvertedDate=pl.lit(None, dtype=pl.Date),
            MasterRecordId=pl.lit(None, dtype=pl.String),
            IsDeleted=pl.lit(False),
            LastModifiedDate="updated_at",
            SystemModstamp="updated_at",
            **{
                name: pl.lit(None, dtype=pl.String)
                for name in ("ConvertedAccountId", "ConvertedContactId", "ConvertedOpportunityId")
            },
        )
        .select(rows.columns)
    )
    id_columns = ("Id", "OwnerId", "CreatedById")
    earlier = earlier.with_columns(sf.short_ids(pl.col(id_columns)))
    return Record(
        frames={"Lead_1": earlier.drop("lead_id"), "Lead_2": rows.drop("lead_id")},
        traps={
            "lead_converted_to_contact": int(named["contact_id"].is_not_null().sum()),
            "lead_with_main_line_as_phone": int(named["main_line"].is_not_null().sum()),
            "lead_phone_with_extension": int(extension.sum()),
            "lead_email_in_capitals": int(in_capitals.sum()),
            "lead_with_15_character_id": earlier.height,
            "lead_with_unknown_columns": rows.height,
        },
    )


def company_records(log: WorldLog, ids: CrmIds) -> Record:
    """Accounts under another spelling of their company's name, and contacts.

    Contacts are the converted leads and colleagues of theirs who never were leads; some of those
    were entered twice and merged.
    """
    rng = generator(log.seed, "writers/salesforce/companies")
    lines = main_lines(log)
    first = log.leads.group_by("account_id").agg(
        pl.col("created_at").min(), pl.col("owner_id").first(), pl.col("industry").first()
    )
    accounts = ids.accounts.join(first, left_on="key", right_on="account_id", maintain_order="left")
    accounts = accounts.join(
        lines, left_on="key", right_on="account_id", how="left", maintain_order="left"
    )
    size = accounts.height
    main = spelled(accounts["main_line"], pick(rng, NUMBER_SPELLING, size))
    number = accounts["key"].str.slice(1).cast(pl.Int64)
    account_rows = accounts.select(
        Id="id",
        Name=company_names(number, rng.integers(0, 3, size)),
        Phone=main,
        Type=pl.lit("Prospect"),
        Industry="industry",
        NumberOfEmployees=pl.lit(None, dtype=pl.Int64),
        AnnualRevenue=pl.lit(None, dtype=pl.Int64),
        OwnerId=ids.user(accounts["owner_id"]),
        ParentId=pl.lit(None, dtype=pl.String),
        MasterRecordId=pl.lit(None, dtype=pl.String),
        CreatedDate="created_at",
        LastModifiedDate="created_at",
        SystemModstamp="created_at",
        IsDeleted=pl.lit(False),
        Region_Code__c=pl.lit("0013"),
    )
    contact_rows, traps = contact_records(rng, log, ids)
    return Record(
        frames={"Account": account_rows, "Contact": contact_rows},
        traps=traps | {"account_with_main_line": lines.height},
    )


def contact_records(
    rng: np.random.Generator, log: WorldLog, ids: CrmIds
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The contacts, and what was planted in them."""
    people = (
        ids.leads.filter(pl.col("contact_id").is_not_null())
        .join(log.leads, left_on="key", right_on="lead_id", maintain_order="left")
        .select(
            "contact_id",
            "number",
            "email",
            "account_id",
            "title",
            "source",
            "owner_id",
            "handed_over_at",
            phone=spelled_own(rng, "phone"),
            master_id=pl.lit(None, dtype=pl.String),
        )
    )
    chosen = people.filter(flags(chance(rng, COLLEAGUES_SHARE, people.height)))
    number = pl.int_range(FIRST_COLLEAGUE, FIRST_COLLEAGUE + chosen.height, eager=True)
    is_double = flags(chance(rng, 0.2, chosen.height))
    colleagues = chosen.with_columns(
        master_id=pl.when(is_double).then("contact_id"),
        contact_id=sf.salesforce_ids(sf.CONTACT, number),
        number=pl.when(is_double).then("number").otherwise(pl.col("number") + 7),
        email=pl.when(is_double).then("email").otherwise("colleague." + pl.col("email")),
        phone=pl.when(is_double).then("phone"),
    )
    contacts = pl.concat([people, colleagues])
    names = person_names(contacts["number"])
    rows = contacts.select(
        Id="contact_id",
        AccountId=ids.account(contacts["account_id"]),
        FirstName=names["first_name"],
        LastName=names["last_name"],
        Title="title",
        Department=pl.lit(None, dtype=pl.String),
        Email="email",
        Phone="phone",
        MobilePhone=pl.lit(None, dtype=pl.String),
        LeadSource="source",
        OwnerId=ids.user(contacts["owner_id"]),
        MasterRecordId="master_id",
        CreatedDate="handed_over_at",
        LastModifiedDate="handed_over_at",
        SystemModstamp="handed_over_at",
        IsDeleted=pl.col("master_id").is_not_null(),
        Description=memos(rng, contacts.height),
    )
    return rows, {
        "contact_that_never_was_a_lead": int((~is_double).sum()),
        "contact_merged": int(is_double.sum()),
    }


def spelled_own(rng: np.random.Generator, column: str) -> pl.Expr:
    """Numbers of a column in many spellings."""

    def spell(numbers: pl.Series) -> pl.Series:
        return spelled(numbers, pick(rng, NUMBER_SPELLING, len(numbers)))

    return pl.col(column).map_batches(spell, return_dtype=pl.String)


def people_records(log: WorldLog, ids: CrmIds) -> Record:
    """Users with the role and department they have now; roles are the teams."""
    teams = log.users["team"].unique().sort()
    roles = pl.DataFrame(
        {
            "team": teams,
            "role_id": sf.salesforce_ids(sf.USER_ROLE, pl.int_range(len(teams), eager=True)),
        }
    )
    latest = (
        log.users.sort("user_id", "active_from", nulls_last=False)
        .group_by("user_id", maintain_order=True)
        .last()
        .join(roles, on="team", how="left", maintain_order="left")
    )
    is_even = pl.int_range(latest.height, eager=True) % 2 == 0
    department = latest["department"]
    users = latest.select(
        Id=ids.user(latest["user_id"]),
        Username=user_email(pl.col("user_id")),
        Name="name",
        Email=pl.when(is_even)
        .then(user_email(pl.col("user_id")))
        .otherwise(user_email(pl.col("user_id")).str.to_uppercase()),
        Title=pl.lit(None, dtype=pl.String),
        Department=department.replace(DEPARTMENTS).zip_with(is_even, department),
        UserRoleId="role_id",
        ManagerId=pl.lit(None, dtype=pl.String),
        IsActive=pl.lit(True),
        TimeZoneSidKey=pl.lit("Asia/Tokyo"),
    )
    return Record(
        frames={
            "User": users,
            "UserRole": roles.select(Id="role_id", Name="team"),
        },
        traps={"user_email_in_capitals": int((~is_even).sum())},
    )


def campaign_records(log: WorldLog, ids: CrmIds) -> Record:
    """Campaigns, and leads and contacts as their members."""
    rng = generator(log.seed, "writers/salesforce/campaigns")
    number = pl.int_range(len(CAMPAIGNS), eager=True)
    start = log.leads["created_at"].min()
    campaigns = pl.DataFrame(
        {"Id": sf.salesforce_ids(sf.CAMPAIGN, number), "Name": pl.Series(CAMPAIGNS)}
    ).with_columns(
        Type=pl.lit("Webinar"),
        Status=pl.lit("Completed"),
        IsActive=pl.lit(True),
        StartDate=pl.lit(start).dt.date(),
        EndDate=pl.lit(log.as_of_date),
        ParentId=pl.lit(None, dtype=pl.String),
        BudgetedCost=pl.lit(500_000),
        ActualCost=pl.lit(480_000),
        NumberSent=pl.lit(1_000),
    )
    leads = ids.leads.filter(flags(chance(rng, MEMBER_SHARE, ids.leads.height)))
    size = leads.height
    chosen = campaigns["Id"].gather(rng.integers(0, len(CAMPAIGNS), size))
    moments = leads.join(
        log.leads.select("lead_id", "created_at"),
        left_on="key",
        right_on="lead_id",
        how="left",
        maintain_order="left",
    )["created_at"].fill_null(start)
    members = leads.select(
        Id=sf.salesforce_ids(sf.CAMPAIGN_MEMBER, pl.int_range(size, eager=True)),
        CampaignId=chosen,
        LeadId=pl.when(pl.col("contact_id").is_null()).then("id"),
        ContactId="contact_id",
        Status=pl.lit("Responded"),
        HasResponded=pl.lit(True),
        FirstRespondedDate=moments.dt.date(),
        CreatedDate=moments,
    )
    return Record(
        frames={"campaign": campaigns, "campaign_member": members},
        traps={"campaign_member": members.height},
    )
