"""The independent truth on tiny logs whose numbers were worked out by hand.

Times are UTC, as in the log. Most cases have one lead, `L1`, acquired from the web on
2025-04-01, and two reps of team East in inside sales, `r1` and `r2`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kpi_warehouse.truth.deals import to_jpy
from kpi_warehouse.truth.events import DEFAULT_POLICIES, SCHEMA, all_events, counted_events
from kpi_warehouse.truth.facts import Policies
from kpi_warehouse.truth.kpis import (
    COHORT,
    DIMENSIONS,
    EVENT,
    KPIS,
    STATISTICS,
    keys,
    truth,
    truth_of_events,
)
from kpi_warehouse.world.log import SCHEMAS, WorldLog

AS_OF = date(2026, 3, 31)
FULL_YEAR = date(2025, 4, 1)


def at(text: str) -> datetime:
    """A UTC moment written as month-day hour:minute[:second] of 2025, or with its year."""
    return datetime.fromisoformat(text if text[4] == "-" else f"2025-{text}")


def opt(text: str | None) -> datetime | None:
    return None if text is None else at(text)


# what a lead of 1 April 2025 counts as by AS_OF
UNTOUCHED = {"leads_acquired": 1, "untouched_leads": 1, "untouched_lead_days": 364}
APPROACHED_ONCE = {"leads_acquired": 1, "leads_approached": 1, "approaches_to_leads": 1}


@dataclass
class Book:
    """Writes a `WorldLog` line by line; whatever a case does not mention has a harmless value."""

    as_of: date = AS_OF
    rows: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {name: [] for name in SCHEMAS}
    )

    counted: dict[Policies, pl.DataFrame] = field(default_factory=dict)

    def add(self, table: str, **values: Any) -> "Book":
        self.rows[table].append(values)
        self.counted.clear()
        return self

    def events(self, policies: Policies = DEFAULT_POLICIES) -> pl.DataFrame:
        """The counted events, worked out once until the next line is written."""
        if policies not in self.counted:
            log = self.log()
            self.counted[policies] = all_events(log, policies)
        return self.counted[policies]

    def lead(self, lead_id: str = "L1", created: str = "04-01 01:00", **values: Any) -> "Book":
        values = {"channel_id": "web_inquiry", "is_target": True, "is_deleted": False, **values}
        return self.add("leads", lead_id=lead_id, created_at=at(created), **values)

    def recycle(self, when: str, lead_id: str = "L1") -> "Book":
        return self.add("recycles", lead_id=lead_id, recycled_at=at(when))

    def call(
        self, when: str, person: str | None = None, lead_id: str | None = "L1", **values: Any
    ) -> "Book":
        values = {
            "call_id": f"c{len(self.rows['calls']):03}",
            "rep_id": "r1",
            "direction": "outbound",
            "answered_at": at(when) if person else None,
            "information_exchanged": False,
            "need_recorded": False,
            "is_countable": True,
            **values,
        }
        return self.add("calls", lead_id=lead_id, started_at=at(when), person=person, **values)

    def mail(self, when: str, lead_id: str | None = "L1", **values: Any) -> "Book":
        values = {
            "message_id": f"m{len(self.rows['emails']):03}",
            "recipient_no": 1,
            "rep_id": "r1",
            "kind": "one_to_one",
            "bounced_at": None,
            "information_exchanged": False,
            **values,
        }
        return self.add("emails", lead_id=lead_id, sent_at=at(when), **values)

    def touch(
        self, when: str, kind: str = "dm", lead_id: str | None = "L1", **values: Any
    ) -> "Book":
        values = {
            "touch_id": f"t{len(self.rows['touches']):03}",
            "rep_id": "r1",
            "direction": "outbound",
            "information_exchanged": False,
            "need_recorded": False,
            **values,
        }
        return self.add(
            "touches", lead_id=lead_id, activity_channel=kind, occurred_at=at(when), **values
        )

    def appointment(
        self, booked: str, starts: str | None = None, lead_id: str | None = "L1", **values: Any
    ) -> "Book":
        values = {
            "appointment_id": f"a{len(self.rows['appointments']):03}",
            "booked_by_id": "r1",
            **values,
        }
        return self.add(
            "appointments",
            lead_id=lead_id,
            booked_at=at(booked),
            starts_at=opt(starts),
            **values,
        )

    def deal(
        self, created: str, *stages: tuple[str, str], lead_id: str | None = "L1", **values: Any
    ) -> "Book":
        deal_id = f"o{len(self.rows['opportunities']):03}"
        values = {
            "created_by_id": "r1",
            "amount": Decimal("1000000.00"),
            "currency": "JPY",
            "is_deleted": False,
            **values,
        }
        owner = values.pop("owner_id", "f1")
        self.add(
            "opportunities",
            opportunity_id=deal_id,
            lead_id=lead_id,
            created_at=at(created),
            **values,
        )
        for when, stage in stages:
            self.add(
                "stage_events",
                opportunity_id=deal_id,
                stage=stage,
                entered_at=at(when),
                owner_id=owner,
            )
        return self

    def permission(self, granted: str, revoked: str | None = None) -> "Book":
        return self.add(
            "permissions", lead_id="L1", granted_at=at(granted), revoked_at=opt(revoked)
        )

    def hours(self, day: date, hours: str, rep_id: str = "r1") -> "Book":
        return self.add("attendance", rep_id=rep_id, work_date=day, working_hours=Decimal(hours))

    def rate(self, day: date, rate: str, currency: str = "USD") -> "Book":
        return self.add("fx_rates", currency=currency, date=day, jpy_rate=Decimal(rate))

    def cost(self, month: date, cost: str, channel_id: str = "web_inquiry") -> "Book":
        return self.add("campaign_costs", channel_id=channel_id, month=month, cost=Decimal(cost))

    def user(self, user_id: str, team: str | None, department: str, **dates: date) -> "Book":
        return self.add("users", user_id=user_id, team=team, department=department, **dates)

    def log(self) -> WorldLog:
        if not self.rows["users"]:
            self.user("r1", "East", "inside_sales").user("r2", "East", "inside_sales")
            self.user("f1", "Field", "field_sales")
        frames = {
            name: pl.DataFrame(self.rows[name], schema=schema) for name, schema in SCHEMAS.items()
        }
        return WorldLog(as_of_date=self.as_of, seed=0, **frames)


def counts(
    book: Book, policies: Policies = DEFAULT_POLICIES, by: str | None = None
) -> dict[Any, Any]:
    """Quantity per measure (or per measure and column); what is absent is not counted."""
    events = book.events(policies)
    columns = ["measure_id", *([by] if by else [])]
    totals = events.group_by(columns).agg(pl.col("quantity").sum())
    return {
        (row[0] if by is None else row[:-1]): row[-1]
        for row in totals.filter(pl.col("quantity") != 0).iter_rows()
    }


def dates(book: Book, measure: str, column: str = "event_date") -> list[date | None]:
    return sorted(
        book.events().filter(pl.col("measure_id") == measure)[column],
        key=lambda day: day or date.min,
    )


def kpi(
    book: Book,
    kpi_id: str,
    basis: str = EVENT,
    grain: str = "fiscal_year",
    start: date = FULL_YEAR,
    dimension: str = "total",
    member: str | None = None,
) -> tuple[Any, Any, Any] | None:
    """Numerator, denominator and value of one row; None if the row is not there."""
    frame = getattr(truth_of_events(book.events()), f"by_{dimension}").filter(
        (pl.col("kpi_id") == kpi_id)
        & (pl.col("basis") == basis)
        & (pl.col("period_grain") == grain)
        & (pl.col("period_start") == start)
    )
    if member is not None:
        frame = frame.filter(pl.col(keys(dimension)[-1]) == member)
    return frame.select("numerator", "denominator", "value").row(0) if frame.height else None


# --- R1, R2: ratios ------------------------------------------------------------------------------


def test_r1__ratio_is_sum_over_sum_with_both_published() -> None:
    book = Book().lead().call("04-01 02:00", "target").call("04-02 02:00").call("05-01 02:00")
    assert kpi(book, "connection_rate") == (1, 3, pytest.approx(1 / 3))
    assert kpi(book, "connection_rate", grain="month") == (1, 2, 0.5)


def test_r1__zero_denominator_is_null_never_zero() -> None:
    book = Book().lead().appointment("04-05 01:00")
    assert kpi(book, "meeting_rate") == (1, 0, None)


def test_r1__zero_numerator_is_zero() -> None:
    assert kpi(Book().lead().call("04-01 02:00"), "connection_rate") == (0, 1, 0.0)


def test_r1__count_has_no_denominator() -> None:
    assert kpi(Book().lead().call("04-01 02:00"), "calls_made") == (1, None, 1.0)


def test_r1__nothing_counted_is_no_row() -> None:
    assert kpi(Book().lead().call("04-01 02:00"), "email_open_rate") is None


def test_r1__calls_on_a_day_without_hours_have_no_rate() -> None:
    book = Book().lead().call("04-01 02:00").call("04-02 02:00").hours(date(2025, 4, 1), "7.50")
    assert kpi(book, "calls_per_hour", grain="day") == (1, Decimal("7.5"), pytest.approx(1 / 7.5))
    assert kpi(book, "calls_per_hour", grain="day", start=date(2025, 4, 2)) == (1, 0, None)
    assert kpi(book, "calls_per_hour") == (2, Decimal("7.5"), pytest.approx(2 / 7.5))


def test_calls_per_hour__not_by_channel_and_not_by_cohort() -> None:
    values = truth(Book().lead().call("04-01 02:00").hours(date(2025, 4, 1), "7.50").log())
    has_it = pl.col("kpi_id") == "calls_per_hour"
    assert values.by_channel.filter(has_it).is_empty()
    assert values.by_rep.filter(has_it)["basis"].unique().to_list() == [EVENT]
    assert not values.by_team.filter(has_it).is_empty()


# --- R6, R7: calls -------------------------------------------------------------------------------


def test_r6__only_outbound_calls_are_made_and_inbound_is_its_own() -> None:
    book = Book().lead().call("04-01 02:00", "target", direction="inbound").call("04-01 03:00")
    found = counts(book)
    assert (found["calls_made"], found["inbound_calls"]) == (1, 1)
    assert "calls_connected" not in found
    assert "target_connections" not in found


def test_r6__internal_monitoring_and_test_calls_are_nothing_at_all() -> None:
    book = Book().lead().call("04-01 02:00", "target", is_countable=False).call("04-02 02:00")
    assert counts(book) == APPROACHED_ONCE | {"calls_made": 1, "approaches_to_targets": 1}


@pytest.mark.parametrize(
    ("person", "connected", "target_connected"),
    [("target", 1, 1), ("gatekeeper", 1, 0), ("other", 1, 0), ("machine", 0, 0), (None, 0, 0)],
)
def test_r7__who_answers_decides(person: str | None, connected: int, target_connected: int) -> None:
    found = counts(Book().lead().call("04-01 02:00", person))
    assert found.get("calls_connected", 0) == connected
    assert found.get("target_connections", 0) == target_connected


def test_r7__a_person_without_an_answer_is_not_connected() -> None:
    assert "calls_connected" not in counts(
        Book().lead().call("04-01 02:00", "target", answered_at=None)
    )


def test_target__a_lead_known_not_to_be_one_is_no_approach_to_a_target() -> None:
    book = Book().lead(is_target=False).call("04-01 02:00", "target", need_recorded=True)
    found = counts(book)
    assert found["calls_connected"] == 1
    assert not {"approaches_to_targets", "target_connections", "effective_conversations"} & set(
        found
    )


def test_target__an_approach_without_a_lead_counts_under_unknown_but_is_never_numbered() -> None:
    book = Book().call("04-01 02:00", "target", lead_id=None).call("04-02 02:00", lead_id=None)
    found = counts(book, by="channel_id")
    assert found["approaches_to_targets", "unknown"] == 2
    assert found["target_connections", "unknown"] == 1
    assert not [key for key in found if key[0] == "follow_ups"]


# --- e-mails -------------------------------------------------------------------------------------


def test_email__bounces_are_sent_but_not_delivered_opened_or_replied_to() -> None:
    bounced = {"human_opened_at": at("04-02 01:00"), "replied_at": at("04-02 01:00")}
    found = counts(Book().lead().mail("04-01 03:00", bounced_at=at("04-01 03:01"), **bounced))
    assert found == APPROACHED_ONCE | {"emails_sent": 1}


def test_email__automatic_replies_are_not_sent_mail() -> None:
    assert counts(Book().lead().mail("04-01 01:00", kind="auto_reply")) == UNTOUCHED


def test_email__bulk_is_sent_and_opened_but_is_no_approach() -> None:
    opened = {"human_opened_at": at("04-01 02:00"), "replied_at": at("04-01 03:00")}
    book = Book().lead().mail("04-01 01:00", kind="bulk", rep_id=None, **opened)
    found = counts(book.call("04-02 01:00"))
    assert found["emails_opened"] == found["emails_delivered"] == found["emails_sent"] == 1
    assert found["approaches_to_targets"] == 1
    assert not {"follow_ups", "target_connections"} & set(found)


def test_email__each_recipient_is_a_sent_mail() -> None:
    book = Book().lead().mail("04-01 01:00", message_id="m", recipient_no=1)
    book.mail("04-01 01:00", message_id="m", recipient_no=2)
    assert counts(book)["emails_sent"] == 2


@pytest.mark.parametrize(
    ("opened", "is_opened"),
    [
        ("04-01 01:00:00", 1),
        ("04-15 01:00:00", 1),
        ("04-15 01:00:00.000001", 0),
        ("04-01 00:59:59", 0),
    ],
)
def test_email__open_window_ends_at_exactly_14_days(opened: str, is_opened: int) -> None:
    book = Book().lead().mail("04-01 01:00", human_opened_at=at(opened))
    assert counts(book).get("emails_opened", 0) == is_opened


def test_email__open_window_is_a_policy() -> None:
    book = Book().lead().mail("04-01 01:00", human_opened_at=at("04-03 01:00"))
    assert "emails_opened" not in counts(book, Policies(open_window_days=1))


@pytest.mark.parametrize(
    ("human", "machine", "opened", "by_human", "by_machine"),
    [
        ("04-02 01:00", None, 1, 1, 0),
        (None, "04-01 01:00:02", 1, 0, 1),
        ("04-02 01:00", "04-01 01:00:02", 1, 1, 0),
        ("05-02 01:00", "04-01 01:00:02", 1, 0, 1),
        ("05-02 01:00", "05-01 01:00", 0, 0, 0),
    ],
)
def test_email__machine_opened_only_if_every_open_in_the_window_is_a_machines(
    human: str | None, machine: str | None, opened: int, by_human: int, by_machine: int
) -> None:
    book = Book().lead()
    book.mail("04-01 01:00", human_opened_at=opt(human), machine_opened_at=opt(machine))
    found = counts(book)
    assert found.get("emails_opened", 0) == opened
    assert found.get("emails_opened_human", 0) == by_human
    assert found.get("emails_opened_machine", 0) == by_machine


def test_email__a_human_reply_reaches_the_target_and_is_dated_by_the_send() -> None:
    book = Book().lead().mail("04-01 01:00", replied_at=at("06-01 01:00"))
    assert dates(book, "target_connections") == [date(2025, 4, 1)]


# --- touches -------------------------------------------------------------------------------------


def test_touch__a_dm_reaches_the_target_when_it_is_replied_to() -> None:
    found = counts(
        Book().lead().touch("04-01 01:00").touch("04-02 01:00", replied_at=at("04-03 01:00"))
    )
    assert (found["approaches_to_targets"], found["target_connections"]) == (2, 1)


def test_touch__other_kinds_are_numbered_and_nothing_more() -> None:
    book = Book().lead().touch("04-01 01:00", "letter", replied_at=at("04-03 01:00"))
    found = counts(book.call("04-05 01:00"))
    assert (found["approaches_to_targets"], found["follow_ups"]) == (1, 1)
    assert "target_connections" not in found


def test_touch__inbound_is_no_approach_and_no_direction_is_outbound() -> None:
    book = Book().lead().touch("04-01 01:00", direction="inbound", replied_at=at("04-01 02:00"))
    found = counts(book.touch("04-02 01:00", direction=None))
    assert found == APPROACHED_ONCE | {"approaches_to_targets": 1}


# --- follow-ups, connectors, effective conversations ---------------------------------------------


def test_follow_up__everything_after_the_first_attempt_even_unanswered_or_bounced() -> None:
    book = Book().lead().mail("04-01 01:00", bounced_at=at("04-01 01:01")).call("04-02 01:00")
    book.touch("04-03 01:00", "letter").call("04-04 01:00", direction="inbound")
    assert dates(book, "follow_ups") == [date(2025, 4, 2), date(2025, 4, 3)]


def test_follow_up__a_recycle_starts_again_at_the_moment_it_is_entered() -> None:
    book = Book().lead().call("04-01 01:00").call("04-02 01:00")
    book.recycle("05-01 01:00").call("05-01 01:00").call("05-02 01:00")
    assert dates(book, "follow_ups") == [date(2025, 4, 2), date(2025, 5, 2)]


def test_follow_up__policy_after_first_contact() -> None:
    book = Book().lead().call("04-01 01:00").call("04-02 01:00", "gatekeeper").call("04-03 01:00")
    book.recycle("05-01 01:00").call("05-02 01:00").call("05-03 01:00")
    policy = Policies(follow_up_starts="after_first_contact")
    assert counts(book)["follow_ups"] == 3
    assert counts(book, policy)["follow_ups"] == 1


def test_connector__a_follow_up_in_which_information_was_given() -> None:
    informed = {"information_exchanged": True}
    book = Book().lead().call("04-01 01:00", "target", **informed)
    book.call("04-02 01:00", "gatekeeper", **informed).mail("04-03 01:00", **informed)
    assert counts(book)["connectors"] == 2
    assert kpi(book, "connector_rate") == (2, 2, 1.0)


def test_effective__needs_the_target_and_a_need_and_mails_cannot() -> None:
    book = Book().lead().call("04-01 01:00", "target", need_recorded=True)
    book.call("04-02 01:00", "gatekeeper", need_recorded=True).call("04-03 01:00", "target")
    book.mail("04-04 01:00", replied_at=at("04-05 01:00"))
    assert kpi(book, "effective_conversation_rate") == (1, 3, pytest.approx(1 / 3))


# --- R10, R18: leads and channels ----------------------------------------------------------------


def test_r10__events_of_a_deleted_lead_count_under_unknown_and_are_still_numbered() -> None:
    book = Book().lead(is_deleted=True).call("04-01 01:00", "target").call("04-02 01:00")
    book.appointment("04-03 01:00")
    found = counts(book, by="channel_id")
    assert found["calls_made", "unknown"] == 2
    assert found["follow_ups", "unknown"] == 1
    assert found["meetings", "unknown"] == 1
    assert {channel for _, channel in found} == {"unknown"}


def test_r10__a_deleted_lead_has_no_lead_measure_and_no_cohort() -> None:
    book = Book().lead(is_deleted=True, handed_over_at=at("05-01 01:00"))
    book.call("04-01 01:00", "target").permission("04-02 01:00")
    events = book.events()
    assert events["cohort_date"].null_count() == events.height
    assert not {
        "leads_acquired",
        "leads_handed_over",
        "leads_connected_without_permission",
    } & set(events["measure_id"])


def test_r10__two_deleted_leads_are_numbered_apart() -> None:
    book = Book().lead("L1", is_deleted=True).lead("L2", is_deleted=True)
    book.call("04-01 01:00", lead_id="L1").call("04-02 01:00", lead_id="L2")
    assert "follow_ups" not in counts(book)


def test_r10__a_deleted_lead_that_was_no_target_counts_like_no_lead() -> None:
    book = Book().lead(is_deleted=True, is_target=False).call("04-01 01:00", "target")
    assert counts(book)["target_connections"] == 1


def test_r18__every_event_is_in_one_channel() -> None:
    book = Book().lead().lead("L2", channel_id="unmapped").lead("L3", channel_id=None)
    for lead_id in ("L1", "L2", "L3", None, "nobody"):
        book.call("04-05 01:00", lead_id=lead_id)
    found = counts(book, by="channel_id")
    assert found["calls_made", "web_inquiry"] == 1
    assert found["calls_made", "unmapped"] == 1
    assert found["calls_made", "unknown"] == 3
    assert kpi(book, "calls_made", dimension="channel", member="unknown") == (3, None, 3.0)
    assert kpi(book, "calls_made") == (5, None, 5.0)


# --- R11: credit ---------------------------------------------------------------------------------


def test_r11__credit_goes_to_caller_and_booker() -> None:
    book = Book().lead(owner_id="f1").call("04-01 01:00", rep_id="r2")
    found = counts(book.appointment("04-02 01:00", booked_by_id="r1"), by="rep_id")
    assert found["calls_made", "r2"] == found["appointments_set", "r1"] == 1


def test_r11__team_is_that_of_the_event_date() -> None:
    book = Book().lead().user("r1", "East", "inside_sales", active_to=date(2025, 4, 30))
    book.user("r1", "West", "inside_sales", active_from=date(2025, 5, 1))
    book.call("04-30 14:59:59").call("04-30 15:00")
    found = counts(book, by="team")
    assert found["calls_made", "East"] == found["calls_made", "West"] == 1


def test_r11__no_rep_or_no_team_is_unknown() -> None:
    book = Book().lead().user("r1", None, "inside_sales").call("04-01 01:00")
    book.user("r2", "West", "inside_sales", active_to=date(2025, 3, 31))
    book.call("04-01 01:00", rep_id=None).call("04-01 01:00", rep_id="r2")
    assert counts(book, by="team")["calls_made", "unknown"] == 3
    assert counts(book, by="rep_id")["calls_made", "unknown"] == 1


@pytest.mark.parametrize(
    ("build", "credit"),
    [
        (lambda book: book.appointment("06-01 01:00", booked_by_id="r2").call("05-01 01:00"), "r2"),
        (lambda book: book.call("05-02 01:00").touch("05-01 01:00", rep_id="r2"), "r2"),
        (lambda book: book.call("05-01 01:00", direction="inbound"), "f1"),
        (lambda book: book, "f1"),
    ],
)
def test_r11__a_lead_is_credited_to_booker_else_first_approach_else_owner(
    build: Callable[[Book], Book], credit: str
) -> None:
    book = build(Book().lead(owner_id="f1", handed_over_at=at("07-01 01:00")))
    found = counts(book, by="rep_id")
    assert found["leads_acquired", credit] == found["leads_handed_over", credit] == 1


# --- R12: appointments and meetings --------------------------------------------------------------


def test_r12__a_rescheduled_appointment_is_set_once_when_first_booked_and_held_once() -> None:
    book = Book().lead().appointment("04-05 01:00", "06-10 01:00", outcome="held")
    assert dates(book, "appointments_set") == [date(2025, 4, 5)]
    assert dates(book, "meetings_pending_judgement") == [date(2025, 6, 10)]


def test_meeting__first_appointment_per_cycle_a_cancelled_one_too() -> None:
    book = Book().lead().appointment("04-05 01:00", outcome="cancelled", booked_by_id="r2")
    book.appointment("04-20 01:00").recycle("06-01 01:00")
    book.appointment("06-01 01:00").appointment("06-02 01:00")
    assert dates(book, "meetings") == [date(2025, 4, 5), date(2025, 6, 1)]
    assert counts(book, by="rep_id")["meetings", "r2"] == 1
    assert counts(book)["appointments_set"] == 4


def test_meeting__an_appointment_without_a_lead_is_set_but_is_no_meeting() -> None:
    found = counts(Book().appointment("04-05 01:00", lead_id=None))
    assert found == {"appointments_set": 1}


def test_meeting__proposal_stage_counts_the_first_entry_of_any_deal_in_the_cycle() -> None:
    book = Book().lead()
    book.deal("04-10 01:00", ("04-10 01:00", "初回商談"), ("04-25 01:00", "見積"), owner_id="f1")
    book.deal("04-11 01:00", ("04-20 01:00", "提案"), owner_id="f2")
    book.recycle("06-01 01:00").deal("06-02 01:00", ("06-03 01:00", "受注"), owner_id="f1")
    book.deal("06-02 01:00", ("06-02 02:00", "失注"))
    assert dates(book, "meetings_proposal_stage") == [date(2025, 4, 20), date(2025, 6, 3)]
    found = counts(book, by="rep_id")
    assert found["meetings_proposal_stage", "f2"] == found["meetings_proposal_stage", "f1"] == 1


def test_meeting__a_deal_reaches_proposal_once_even_in_a_later_cycle() -> None:
    book = Book().lead().recycle("06-01 01:00")
    book.deal(
        "04-10 01:00", ("04-20 01:00", "提案"), ("05-01 01:00", "失注"), ("06-05 01:00", "交渉")
    )
    assert dates(book, "meetings_proposal_stage") == [date(2025, 4, 20)]


def test_meeting__the_policy_chooses_and_both_stay_countable() -> None:
    book = (
        Book().lead().appointment("04-05 01:00").lead("L2").appointment("04-06 01:00", lead_id="L2")
    )
    book.deal("04-10 01:00", ("04-25 01:00", "提案"))
    default, other = counts(book), counts(book, Policies(meeting_counts_at="proposal_stage"))
    assert (default["meetings"], other["meetings"]) == (2, 1)
    for found in (default, other):
        assert found["meetings_first_appointment"] == 2
        assert found["meetings_proposal_stage"] == 1


def test_judgement__counts_when_decided_and_only_of_held_meetings() -> None:
    yes = {"judged_at": at("05-20 01:00"), "judgement": "qualified"}
    no = {"judged_at": at("05-21 01:00"), "judgement": "not_qualified"}
    book = Book().lead().appointment("04-05 01:00", "04-10 01:00", outcome="held", **yes)
    book.appointment("04-06 01:00", "04-11 01:00", outcome="held", **no)
    book.appointment("04-07 01:00", "04-12 01:00", outcome="held")
    book.appointment("04-08 01:00", "04-13 01:00", outcome="no_show", **yes)
    assert kpi(book, "qualified_meeting_rate") == (1, 2, 0.5)
    assert dates(book, "meetings_qualified") == [date(2025, 5, 20)]
    assert dates(book, "meetings_pending_judgement") == [date(2025, 4, 12)]


# --- permission ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("permissions", "asked", "granted"),
    [
        ([], 1, 0),
        ([("03-01 00:00", None)], 0, 0),
        ([("03-01 00:00", "04-01 00:59:59")], 1, 0),
        ([("03-01 00:00", "04-01 01:00")], 1, 0),
        ([("03-01 00:00", "04-01 01:00:01")], 0, 0),
        ([("04-01 01:00", None)], 1, 1),
        ([("04-02 01:00", "04-03 01:00")], 1, 1),
        ([("03-01 00:00", "03-15 00:00"), ("07-01 00:00", None)], 1, 1),
    ],
)
def test_permission__standing_at_the_first_target_connection(
    permissions: list[tuple[str, str | None]], asked: int, granted: int
) -> None:
    book = Book().lead(created="02-01 01:00")
    book.call("03-20 01:00", "gatekeeper").call("04-01 01:00", "target")
    book.call("08-01 01:00", "target", rep_id="r2")
    for given_at, revoked_at in permissions:
        book.permission(given_at, revoked_at)
    found = counts(book, by="rep_id")
    assert found.get(("leads_connected_without_permission", "r1"), 0) == asked
    assert found.get(("leads_permission_granted", "r1"), 0) == granted


def test_permission__both_counts_are_dated_by_the_first_target_connection() -> None:
    book = Book().lead().call("04-20 01:00", "target").permission("06-01 01:00")
    assert dates(book, "leads_permission_granted") == [date(2025, 4, 20)]


# --- R13, R14: deals -----------------------------------------------------------------------------


def test_r13__a_reopened_deal_has_its_latest_outcome_at_its_latest_close() -> None:
    book = Book().lead()
    book.deal(
        "04-10 01:00",
        ("05-01 01:00", "失注"),
        ("06-01 01:00", "交渉"),
        ("07-01 01:00", "受注"),
    )
    assert dates(book, "deals_closed") == dates(book, "deals_won") == [date(2025, 7, 1)]


def test_r13__a_reopened_deal_that_is_open_again_is_not_closed() -> None:
    book = Book().lead().deal("04-10 01:00", ("05-01 01:00", "受注"), ("06-01 01:00", "交渉"))
    found = counts(book)
    assert "deals_closed" not in found
    assert found["meetings_proposal_stage"] == 1


def test_deal__deleted_deals_are_nothing() -> None:
    book = Book().lead().deal("04-10 01:00", ("05-01 01:00", "受注"), is_deleted=True)
    assert counts(book) == UNTOUCHED


def test_deal__sourced_and_influenced_overlap_and_involved_counts_once() -> None:
    won = ("06-01 01:00", "受注")
    book = Book().lead().lead("L2").lead("L3").call("04-05 01:00")
    book.deal("04-10 01:00", won, amount=Decimal("100.00"))
    book.deal("04-10 01:00", won, amount=Decimal("20.00"), created_by_id="f1")
    book.deal("04-10 01:00", won, amount=Decimal("3.00"), lead_id="L2")
    book.deal("04-10 01:00", won, amount=Decimal("0.40"), lead_id="L3", created_by_id="f1")
    book.deal("04-10 01:00", ("06-01 01:00", "失注"), amount=Decimal("0.05"), lead_id=None)
    found = counts(book)
    assert found["amount_won_sourced"] == Decimal("103.00")
    assert found["amount_won_influenced"] == Decimal("120.00")
    assert found["amount_won_involved"] == Decimal("123.00")
    assert found["amount_won"] == Decimal("123.40")
    assert found["amount_closed"] == Decimal("123.45")
    assert kpi(book, "won_amount") == (Decimal("123.00"), None, 123.0)


@pytest.mark.parametrize(
    ("call", "influenced"),
    [
        ("04-01 01:00:00", True),
        ("04-01 00:59:59", False),
        ("06-30 01:00:00", True),
        ("06-30 01:00:01", False),
    ],
)
def test_deal__influence_window_is_90_days_with_both_ends(call: str, influenced: bool) -> None:
    book = Book().lead(created="01-05 01:00").call(call)
    book.deal("06-30 01:00", ("07-01 01:00", "受注"), created_by_id="f1")
    assert ("amount_won_influenced" in counts(book)) is influenced


@pytest.mark.parametrize(
    "approach",
    [
        lambda book: book.call("04-05 01:00", rep_id="f1"),
        lambda book: book.call("04-05 01:00", direction="inbound"),
        lambda book: book.call("04-05 01:00", is_countable=False),
        lambda book: book.mail("04-05 01:00", kind="bulk"),
        lambda book: book.call("04-05 01:00", lead_id=None),
    ],
)
def test_deal__not_every_contact_influences(approach: Callable[[Book], Book]) -> None:
    book = approach(Book().lead())
    book.deal("04-10 01:00", ("06-01 01:00", "受注"), created_by_id="f1")
    found = counts(book, by="rep_id")
    assert found["deals_won", "unknown"] == 1
    assert ("amount_won_involved", "unknown") not in found


def test_deal__department_of_the_creator_is_that_of_the_creation_date() -> None:
    book = Book().lead().user("m1", "East", "inside_sales", active_to=date(2025, 4, 30))
    book.user("m1", "Field", "フィールドセールス", active_from=date(2025, 5, 1))
    won = ("06-01 01:00", "受注")
    book.deal("04-30 14:59", won, created_by_id="m1", amount=Decimal("1.00"))
    book.deal("04-30 15:00", won, created_by_id="m1", amount=Decimal("2.00"))
    assert counts(book)["amount_won_sourced"] == 1


@pytest.mark.parametrize(
    ("creator", "booked", "called", "credit"),
    [
        ("r1", "04-02 01:00", "04-03 01:00", "r1"),
        ("f1", "04-02 01:00", "04-03 01:00", "r2"),
        ("f1", "04-10 01:00", "04-03 01:00", "r2"),
        ("f1", "04-10 01:01", "04-03 01:00", "r3"),
        ("f1", "04-10 01:01", "04-11 01:00", "unknown"),
    ],
)
def test_deal__credit_is_creator_else_latest_booker_else_latest_influencer(
    creator: str, booked: str, called: str, credit: str
) -> None:
    book = Book().lead().user("f1", "Field", "field_sales")
    for rep_id in ("r1", "r2", "r3"):
        book.user(rep_id, "East", "inside_sales")
    book.appointment(booked, booked_by_id="r2").call(called, rep_id="r3")
    book.deal("04-10 01:00", ("06-01 01:00", "受注"), created_by_id=creator)
    assert counts(book, by="rep_id")["deals_won", credit] == 1


def test_r14__a_close_on_a_day_without_a_rate_takes_the_latest_earlier_one() -> None:
    book = Book().lead().rate(date(2025, 5, 30), "144.123456").rate(date(2025, 6, 2), "999.000000")
    book.rate(date(2025, 5, 31), "1.000000", currency="EUR")
    book.deal("04-10 01:00", ("06-01 01:00", "受注"), amount=Decimal("10.55"), currency="USD")
    assert counts(book)["amount_won"] == Decimal("1520.50")  # 1520.5024608


def test_r14__the_rate_is_that_of_the_business_date_of_the_close() -> None:
    book = Book().lead().rate(date(2025, 6, 1), "100").rate(date(2025, 6, 2), "200")
    book.deal("04-10 01:00", ("06-01 15:00", "受注"), amount=Decimal("1.00"), currency="USD")
    assert counts(book)["amount_won"] == 200


def test_r14__no_rate_at_all_is_a_deal_without_an_amount() -> None:
    book = Book().lead().rate(date(2025, 6, 2), "150")
    book.deal("04-10 01:00", ("06-01 01:00", "受注"), currency="USD")
    found = counts(book)
    assert found["deals_won"] == 1
    assert "amount_won" not in found


def test_r14__no_currency_is_yen() -> None:
    book = Book().lead().deal("04-10 01:00", ("06-01 01:00", "受注"), currency=None)
    assert counts(book)["amount_won"] == 1_000_000


@pytest.mark.parametrize(
    ("amount", "rate", "yen"),
    [
        ("0.01", "0.500000", "0.01"),
        ("-0.01", "0.500000", "-0.01"),
        ("0.01", "0.499999", "0.00"),
        ("9999999999999999.99", "999999999999.999999", "9999999999999999980000000000.00"),
    ],
)
def test_r14__yen_are_exact_and_rounded_half_away_from_zero(
    amount: str, rate: str, yen: str
) -> None:
    assert to_jpy(Decimal(amount), Decimal(rate)) == Decimal(yen)


def test_handover__a_lead_with_two_wins_is_won_once_at_its_earliest_close() -> None:
    book = Book().lead(handed_over_at=at("05-01 01:00"))
    book.deal("05-02 01:00", ("07-01 01:00", "受注")).deal("05-02 01:00", ("06-15 01:00", "受注"))
    book.lead("L2", handed_over_at=at("05-02 01:00")).lead("L3")
    book.deal("05-02 01:00", ("07-01 01:00", "受注"), lead_id="L3")
    assert dates(book, "handed_over_leads_won") == [date(2025, 6, 15)]
    assert dates(book, "handed_over_leads_won", "cohort_date") == [date(2025, 5, 1)]
    assert kpi(book, "win_rate", COHORT, "month", date(2025, 5, 1)) == (1, 2, 0.5)
    assert kpi(book, "win_rate", EVENT, "month", date(2025, 6, 1)) == (1, 0, None)


# --- R15: cohorts --------------------------------------------------------------------------------


def test_r15__cohort_basis_dates_by_acquisition_event_basis_by_occurrence() -> None:
    book = Book().lead(created="03-31 14:59").lead("L2", created="03-31 15:00")
    book.call("06-01 01:00").call("06-01 01:00", lead_id="L2")
    assert kpi(book, "calls_made", EVENT, "month", date(2025, 6, 1)) == (2, None, 2.0)
    assert kpi(book, "calls_made", COHORT, "month", date(2025, 3, 1)) == (1, None, 1.0)
    assert kpi(book, "calls_made", COHORT, "month", date(2025, 4, 1)) == (1, None, 1.0)
    assert kpi(book, "calls_made", COHORT, "month", date(2025, 6, 1)) is None


def test_r15__an_event_without_a_surviving_lead_is_in_no_cohort() -> None:
    book = Book().call("06-01 01:00", lead_id=None)
    assert kpi(book, "calls_made") == (1, None, 1.0)
    assert kpi(book, "calls_made", COHORT) is None


# --- R16: time and periods -----------------------------------------------------------------------


def test_r16__the_month_ends_at_15_00_utc() -> None:
    book = Book().lead().call("04-30 14:59:59").call("04-30 15:00:00")
    assert dates(book, "calls_made") == [date(2025, 4, 30), date(2025, 5, 1)]
    assert kpi(book, "calls_made", grain="month") == (1, None, 1.0)


def test_period__the_fiscal_year_ends_on_march_31() -> None:
    book = Book(as_of=date(2026, 4, 30)).lead()
    book.call("2026-03-31 14:59:59").call("2026-03-31 15:00:00")
    assert kpi(book, "calls_made") == (1, None, 1.0)
    assert kpi(book, "calls_made", start=date(2026, 4, 1)) == (1, None, 1.0)


# --- R17: as_of ----------------------------------------------------------------------------------


def test_r17__nothing_after_the_as_of_business_day_has_happened() -> None:
    late = "05-31 15:00"
    book = Book(as_of=date(2025, 5, 31)).lead(handed_over_at=at(late)).lead("L2", created=late)
    book.call(late).mail(late).touch(late).appointment(late).deal(late, (late, "受注"))
    book.hours(date(2025, 6, 1), "8.00").recycle(late)
    assert counts(book) == UNTOUCHED | {"untouched_lead_days": 60}


def test_r17__the_last_moment_of_the_as_of_day_has_happened() -> None:
    last = "05-31 14:59:59"
    book = Book(as_of=date(2025, 5, 31)).lead(created=last, handed_over_at=at(last)).call(last)
    found = counts(book.deal(last, (last, "受注")).hours(date(2025, 5, 31), "8.00"))
    assert found["calls_made"] == found["leads_handed_over"] == found["deals_won"] == 1
    assert found["working_hours"] == 8


def test_r17__answers_after_as_of_are_still_to_come() -> None:
    late = at("05-31 15:00")
    book = Book(as_of=date(2025, 5, 31)).lead().call("05-20 01:00", "target")
    book.mail("05-30 01:00", human_opened_at=late, replied_at=late, information_exchanged=True)
    book.touch("05-30 02:00", replied_at=late).permission("05-31 15:00")
    found = counts(book)
    assert found["target_connections"] == found["leads_connected_without_permission"] == 1
    assert not {"emails_opened", "connectors", "leads_permission_granted"} & set(found)


def test_r17__a_deal_has_the_stage_it_had_at_as_of() -> None:
    stages = (("05-01 01:00", "失注"), ("06-01 01:00", "交渉"), ("07-01 01:00", "受注"))
    early, between = date(2025, 5, 31), date(2025, 6, 15)
    assert dates(Book(early).lead().deal("04-10 01:00", *stages), "deals_closed") == [
        date(2025, 5, 1)
    ]
    assert "deals_closed" not in counts(Book(between).lead().deal("04-10 01:00", *stages))


def test_r17__a_meeting_is_pending_until_it_is_judged_and_not_held_before_it_starts() -> None:
    judged = {"outcome": "held", "judged_at": at("06-10 01:00"), "judgement": "qualified"}
    found = {
        as_of: counts(Book(as_of=as_of).lead().appointment("05-01 01:00", "06-01 01:00", **judged))
        for as_of in (date(2025, 5, 31), date(2025, 6, 9), date(2025, 6, 10))
    }
    before, pending, after = found.values()
    assert not {"meetings_pending_judgement", "meetings_judged"} & set(before)
    assert pending["meetings_pending_judgement"] == 1
    assert "meetings_judged" not in pending
    assert after["meetings_qualified"] == after["meetings_judged"] == 1
    assert "meetings_pending_judgement" not in after


# --- appointments: how they ended ----------------------------------------------------------------


def test_r12__an_appointment_ends_once_on_the_day_last_agreed_and_pending_ones_are_in_no_rate() -> (
    None
):
    book = Book(as_of=date(2025, 6, 15)).lead()
    book.appointment("05-01 01:00", "05-10 01:00", outcome="held", moves=2)
    book.appointment("05-02 01:00", "05-31 15:00", outcome="no_show", moves=1)
    book.appointment("05-03 01:00", "06-10 01:00", outcome="cancelled", moves=0)
    book.appointment("05-04 01:00", "06-15 15:00", outcome="cancelled", moves=1)
    book.appointment("05-05 01:00", "06-10 01:00", moves=1)
    found = counts(book)
    assert (found["appointments_set"], found["appointments_ended"]) == (5, 3)
    ends = [date(2025, 5, 10), date(2025, 6, 1), date(2025, 6, 10)]
    assert dates(book, "appointments_ended") == ends
    assert dates(book, "appointments_held") == ends[:1]
    assert dates(book, "appointments_rescheduled") == ends[:2]
    assert kpi(book, "appointment_held_rate") == (1, 3, pytest.approx(1 / 3))
    assert kpi(book, "no_show_rate", grain="month", start=date(2025, 6, 1)) == (1, 2, 0.5)
    assert kpi(book, "reschedule_rate") == (2, 3, pytest.approx(2 / 3))


# --- acceptance by field sales -------------------------------------------------------------------


def judged(book: Book, lead_id: str, *verdicts: tuple[str, str]) -> None:
    for when, judgement in verdicts:
        said = {"outcome": "held", "judged_at": at(when), "judgement": judgement}
        book.appointment("04-02 01:00", "04-03 01:00", lead_id, **said)


def test_acceptance__is_of_handed_over_leads_and_waits_for_hand_over_and_judgement() -> None:
    book = Book()
    for lead_id in ("before", "after", "twice", "refused", "not judged"):
        book.lead(lead_id, handed_over_at=at("04-30 14:59"))
    book.lead("never handed over")
    judged(book, "before", ("04-20 01:00", "qualified"))
    judged(book, "after", ("05-10 01:00", "qualified"))
    judged(book, "twice", ("04-20 01:00", "not_qualified"), ("06-10 01:00", "qualified"))
    judged(book, "refused", ("05-20 01:00", "not_qualified"), ("05-25 01:00", "not_qualified"))
    judged(book, "never handed over", ("04-20 01:00", "qualified"))
    accepted = [date(2025, 4, 30), date(2025, 5, 10), date(2025, 6, 10)]
    assert dates(book, "leads_accepted") == accepted
    assert dates(book, "leads_rejected") == [date(2025, 5, 20)]
    assert kpi(book, "acceptance_rate", COHORT, "month", date(2025, 4, 1)) == (3, 5, 0.6)
    assert kpi(book, "rejection_rate", COHORT, "month", date(2025, 4, 1)) == (1, 5, 0.2)
    # flows of May: nothing was handed over then
    assert kpi(book, "acceptance_rate", EVENT, "month", date(2025, 5, 1)) == (1, 0, None)


def test_r11__what_becomes_of_a_hand_over_stays_with_its_team_on_the_cohort_basis() -> None:
    book = Book().user("r1", "East", "inside_sales", active_to=date(2025, 4, 30))
    book.user("r1", "West", "inside_sales", active_from=date(2025, 5, 1))
    book.lead(owner_id="r1", handed_over_at=at("04-20 01:00"))
    judged(book, "L1", ("05-10 01:00", "qualified"))
    book.deal("05-02 01:00", ("06-01 01:00", "受注"))
    for rate in ("acceptance_rate", "win_rate"):
        cohort = {"basis": COHORT, "grain": "month", "start": date(2025, 4, 1)}
        assert kpi(book, rate, **cohort, dimension="team", member="East") == (1, 1, 1.0)
        assert kpi(book, rate, **cohort, dimension="team", member="West") is None
        assert kpi(book, rate, dimension="team", member="East") == (0, 1, 0.0)
        assert kpi(book, rate, dimension="team", member="West") == (1, 0, None)


# --- cadence -------------------------------------------------------------------------------------


def test_cadence__bands_include_both_bounds_and_overlap_at_five() -> None:
    book = Book()
    for touches in (0, 2, 3, 5, 6):
        book.lead(f"L{touches}")
        for day in range(touches):
            book.touch(f"05-0{day + 1} 01:00", "letter", f"L{touches}")
    assert kpi(book, "leads_touched_3_to_5_share", COHORT) == (2, 5, 0.4)
    assert kpi(book, "leads_touched_5_or_more_share", COHORT) == (2, 5, 0.4)
    assert kpi(book, "untouched_lead_share", COHORT) == (1, 5, 0.2)
    assert kpi(book, "attempts_per_lead", COHORT) == (16, 4, 4.0)


def test_cadence__attempts_and_new_leads_are_dated_by_the_approach_and_of_who_made_it() -> None:
    book = Book().lead(owner_id="f1").call("04-30 01:00").call("05-02 01:00", rep_id="r2")
    book.call("05-03 01:00", lead_id=None)
    assert kpi(book, "attempts_per_lead", EVENT, "month", date(2025, 4, 1)) == (1, 1, 1.0)
    assert kpi(book, "attempts_per_lead", EVENT, "month", date(2025, 5, 1)) == (1, 0, None)
    assert kpi(book, "attempts_per_lead", COHORT, "month", date(2025, 4, 1)) == (2, 1, 2.0)
    assert counts(book, by="rep_id")["approaches_to_leads", "r2"] == 1
    assert counts(book, by="rep_id")["leads_approached", "r1"] == 1


def test_cadence__the_first_connection_ends_the_attempts_over_all_cycles() -> None:
    book = Book().lead().call("04-02 00:00", "target", direction="inbound")
    book.mail("04-02 01:00").call("04-03 01:00", "machine").recycle("05-01 01:00")
    book.call("05-02 01:00", "gatekeeper", rep_id="r2").call("05-03 01:00", "target")
    book.lead("L2").call("04-02 01:00", lead_id="L2")
    assert kpi(book, "attempts_to_first_connection") == (3, 1, 3.0)
    assert counts(book, by="rep_id")["leads_connected", "r2"] == 1
    assert kpi(Book().lead(), "attempts_to_first_connection") is None


def test_cadence__an_untouched_lead_ages_until_as_of_and_may_have_called_in() -> None:
    book = Book(as_of=date(2025, 4, 11)).lead().lead("L2", "04-10 15:00").lead("L3")
    book.call("04-02 01:00", "target", direction="inbound").call("04-03 01:00", lead_id="L3")
    book.lead("L4", is_deleted=True).call("04-11 15:00", lead_id="L2")
    assert kpi(book, "untouched_lead_age", EVENT, "month", date(2025, 4, 1)) == (10, 2, 5.0)
    assert kpi(Book().lead("L3").call("04-03 01:00", lead_id="L3"), "untouched_lead_age") is None


def test_recycles__are_too_early_by_the_approaches_of_the_cycle_they_end() -> None:
    book = Book().lead()
    for day in (2, 3, 4, 5, 6):
        book.call(f"04-0{day} 01:00")
    book.recycle("05-01 01:00").call("05-01 01:00").call("05-02 01:00").recycle("06-01 01:00")
    book.recycle("06-02 01:00").lead("L2", is_deleted=True).recycle("06-01 01:00", "L2")
    assert dates(book, "leads_recycled") == [
        date(2025, 5, 1),
        date(2025, 6, 1),
        date(2025, 6, 2),
    ]
    assert kpi(book, "recycled_too_early_share") == (2, 3, pytest.approx(2 / 3))
    strict, lax = Policies(recycle_minimum_approaches=6), Policies(recycle_minimum_approaches=2)
    assert counts(book, strict)["leads_recycled_too_early"] == 3
    assert counts(book, lax)["leads_recycled_too_early"] == 1


# --- the list and the shape ----------------------------------------------------------------------


def test_deal__a_creation_is_dated_by_itself_and_is_the_creators() -> None:
    """The one that is won is of the booker at its close, and of its creator when created."""
    book = Book().lead().appointment("04-02 01:00", "04-03 01:00", booked_by_id="r2")
    book.deal("04-05 01:00", ("05-31 15:00", "受注"), created_by_id="f1", amount=Decimal("7.00"))
    book.deal("04-30 15:00", created_by_id="r1", amount=Decimal("100.00"))
    assert kpi(book, "opportunities_created") == (2, None, 2.0)
    assert kpi(book, "opportunities_sourced") == (1, None, 1.0)
    assert kpi(book, "pipeline_created") == (100, None, 100.0)
    assert kpi(book, "pipeline_created_total") == (107, None, 107.0)
    assert kpi(book, "opportunities_created", grain="day", start=date(2025, 5, 1)) == (1, None, 1.0)
    assert counts(book, by="rep_id")["opportunities_created", "f1"] == 1
    assert counts(book, by="rep_id")["deals_won", "r2"] == 1
    assert kpi(book, "average_cycle_days") == (57, 1, 57.0)
    assert kpi(book, "average_deal") == (7, 1, 7.0)


def test_deal__an_open_one_is_worth_what_it_is_at_the_rate_of_the_as_of_date() -> None:
    book = Book().lead().rate(date(2025, 4, 1), "100").rate(AS_OF, "150")
    book.deal("04-05 01:00", currency="USD", amount=Decimal("2.00"))
    book.deal("04-05 01:00", ("04-06 01:00", "失注"), currency="USD", amount=Decimal("1.00"))
    assert kpi(book, "pipeline_created") == (400, None, 400.0)
    assert kpi(book, "deals_lost") == (1, None, 1.0)


def test_cost__a_month_is_spread_over_its_days_until_as_of() -> None:
    """100.00 over 31 days is 3.22 a day and 3.40 on the last; of June nothing has come yet."""
    book = Book(as_of=date(2025, 5, 30)).lead()
    book.cost(date(2025, 5, 1), "100.00").cost(date(2025, 6, 1), "30.00")
    assert kpi(book, "campaign_cost") == (Decimal("96.60"), None, 96.6)
    whole = Book(as_of=date(2025, 5, 31)).lead().cost(date(2025, 5, 1), "100.00")
    assert kpi(whole, "campaign_cost") == (100, None, 100.0)
    assert kpi(whole, "campaign_cost", grain="day", start=date(2025, 5, 31))[0] == Decimal("3.40")


def test_cost__per_meeting_and_return_are_of_the_same_period_and_have_no_rep() -> None:
    book = Book().lead().cost(date(2025, 4, 1), "300.00").appointment("04-02 01:00")
    book.deal("04-05 01:00", ("04-30 01:00", "受注"), amount=Decimal("900.00"))
    assert kpi(book, "cost_per_meeting") == (300, 1, 300.0)
    assert kpi(book, "return_on_campaign_cost") == (900, 300, 3.0)
    assert kpi(book, "cost_per_qualified_meeting") == (300, 0, None)
    values = truth(book.log())
    assert "campaign_cost" in set(values.by_channel["kpi_id"])
    assert "campaign_cost" not in {*values.by_rep["kpi_id"], *values.by_team["kpi_id"]}


def busy() -> Book:
    """A little of everything, with unknown leads, two channels and two reps."""
    book = Book().lead(handed_over_at=at("05-01 01:00"), owner_id="r1")
    book.lead("L2", "05-01 01:00", channel_id="webinar").lead("L3", is_deleted=True)
    for lead_id, rep_id in (("L1", "r1"), ("L2", "r2"), ("L3", "r1"), (None, None)):
        talk = {"information_exchanged": True, "need_recorded": True}
        book.call("05-03 01:00", "target", lead_id, rep_id=rep_id)
        book.call("05-04 01:00", "target", lead_id, rep_id=rep_id, **talk)
        book.call("05-04 02:00", "other", lead_id, direction="inbound")
        book.mail("05-05 01:00", lead_id, rep_id=rep_id, human_opened_at=at("05-06 01:00"))
        book.mail("05-05 02:00", lead_id, kind="bulk", machine_opened_at=at("05-06 01:00"))
        held = {"outcome": "held", "booked_by_id": rep_id}
        yes = {"judged_at": at("05-20 01:00"), "judgement": "qualified"}
        book.appointment("05-07 01:00", "05-14 01:00", lead_id, **held, **yes)
        book.appointment("05-08 01:00", "05-15 01:00", lead_id, **held)
        book.deal("05-16 01:00", ("05-17 01:00", "提案"), ("06-16 01:00", "受注"), lead_id=lead_id)
        book.deal("05-16 01:00", ("06-17 01:00", "失注"), lead_id=lead_id)
        book.cost(date(2025, 5, 1), "310.00")
    book.lead("L4", owner_id="r1").lead("L5", owner_id="r2", handed_over_at=at("05-01 01:00"))
    no = {"judged_at": at("05-20 01:00"), "judgement": "not_qualified", "outcome": "held"}
    book.appointment("05-07 01:00", "05-14 01:00", "L5", moves=1, **no)
    book.appointment("05-08 01:00", "05-15 01:00", "L5", outcome="no_show")
    for day in range(4):
        book.call(f"06-0{day + 1} 01:00", None, "L5", rep_id="r2")
    book.recycle("07-01 01:00", "L5")
    book.call("05-01 01:03", None, "L2", rep_id="r2")
    return book.permission("05-20 01:00").hours(date(2025, 5, 3), "7.75")


def test_every_kpi_has_a_value_in_every_dimension_and_basis_it_claims() -> None:
    values = truth(busy().log())
    for dimension in DIMENSIONS:
        frame = getattr(values, f"by_{dimension}")
        found = set(frame.select("kpi_id", "basis").unique().iter_rows())
        claimed = {
            (item.kpi_id, basis)
            for item in (*KPIS, *STATISTICS)
            if dimension in item.dimensions
            for basis in item.bases
        }
        assert found == claimed


def test_every_row_is_unique_complete_and_within_its_period() -> None:
    values = truth(busy().log())
    for dimension in DIMENSIONS:
        frame = getattr(values, f"by_{dimension}")
        assert frame.height > 0
        assert not frame.select(keys(dimension)).is_duplicated().any()
        statistics = frame.filter(pl.col("kpi_id").is_in([item.kpi_id for item in STATISTICS]))
        counted = frame.join(statistics, on=keys(dimension), how="anti")
        for part, columns in ((counted, ["numerator"]), (statistics, ["denominator"])):
            whole = part.select(*keys(dimension), "period_end", *columns)
            assert whole.null_count().sum_horizontal().item() == 0
        assert statistics["numerator"].is_null().all()
        assert (frame["period_start"] <= frame["period_end"]).all()
        is_over_nothing = (counted["denominator"] == 0).fill_null(False)
        assert (counted["value"].is_null() == is_over_nothing).all()
        assert statistics.filter(pl.col("denominator") == 0)["value"].is_null().all()


def test_every_part_sums_to_the_whole() -> None:
    values = truth(busy().log())
    columns = [*keys("total"), "numerator", "denominator"]
    for dimension in ("channel", "rep", "team"):
        has_it = [item.kpi_id for item in KPIS if dimension in item.dimensions]
        whole = values.by_total.filter(pl.col("kpi_id").is_in(has_it))
        parts = getattr(values, f"by_{dimension}").filter(pl.col("kpi_id").is_in(has_it))
        summed = parts.group_by(keys("total")).agg(
            numerator=pl.when(pl.col("numerator").count() > 0).then(pl.col("numerator").sum()),
            denominator=pl.when(pl.col("denominator").count() > 0).then(
                pl.col("denominator").sum()
            ),
        )
        assert_frame_equal(summed.select(columns), whole.select(columns), check_row_order=False)


def test_every_family_has_the_same_columns_and_no_gap() -> None:
    for name, frame in counted_events(busy().log()).items():
        assert frame.schema == SCHEMA
        assert frame.height > 0, name
        gaps = frame.drop("cohort_date", "channel_id").null_count().sum_horizontal().item()
        assert gaps == 0, name
        assert frame["channel_id"].is_null().all() == (name == "attendance")


def test_an_empty_log_has_no_rows() -> None:
    values = truth(Book().log())
    assert values.by_total.is_empty()
    assert values.by_channel.columns == [
        *keys("channel")[:-1],
        "period_end",
        "channel_id",
        "numerator",
        "denominator",
        "value",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"meeting_counts_at": "first_apointment"},
        {"follow_up_starts": ""},
        {"open_window_days": -1},
    ],
)
def test_policies_refuse_an_unknown_value(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Policies(**wrong)


def test_a_stage_outside_the_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match="謎"):
        counts(Book().lead().deal("04-10 01:00", ("05-01 01:00", "謎")))
