"""What the finance workbook of a month shows, read from a published file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from orchestration.settings import seed

YEAR = 12
SEGMENT_TYPES = ("plan_tier", "size_band", "industry", "country")
FLOWS = ("new", "reactivation", "expansion", "contraction", "churned", "fx")
WATERFALL = ("opening", *FLOWS, "closing")
BRIDGE = (
    "opening", "expansion", "contraction", "churned", "outside_expansion", "outside_contraction", "outside_churned",
    "cohort_reactivation", "cohort_fx", "cohort_closing", "opening_revaluation",
)  # fmt: skip
METRICS = (
    "mrr", "arr", "arpa", "nrr", "nrr_strict", "nrr_ex_price", "grr", "grr_strict", "logo_churn_rate_ttm",
)  # fmt: skip
Segment = tuple[str, str]
TOTAL = ("total", "total")


class Customer(NamedTuple):
    """One row of the ledger: a window of twelve months, and its last month."""

    account_id: str
    account_name: str
    plan_tier: str
    size_band: str
    industry: str
    country: str
    opening: Decimal
    now: Decimal
    retained: Decimal
    uplift: Decimal
    lapsed: int
    rolled_opening: Decimal
    new: Decimal
    reactivation: Decimal
    expansion: Decimal
    contraction: Decimal
    churned: Decimal
    fx: Decimal
    month_opening: Decimal
    month_new: Decimal
    month_reactivation: Decimal
    month_expansion: Decimal
    month_contraction: Decimal
    month_churned: Decimal
    month_fx: Decimal
    month_plan_tier: str
    month_size_band: str


class Metric(NamedTuple):
    """A metric of the month and a segment."""

    numerator: Decimal | None
    denominator: Decimal | None
    value: Decimal | None
    closed_value: Decimal | None
    headline_value: Decimal | None
    null_reason: str | None


class Close(NamedTuple):
    """The close that is in force of a month."""

    made_by: str
    approved_by: str | None
    made_at: datetime
    build_id: str
    as_of_date: date
    data_through: date | None
    policy_version: str


@dataclass(frozen=True)
class Figures:
    """Everything that a month's workbook says."""

    month: date
    build_id: str
    currency: str
    digits: int
    as_of_date: date
    time_zone: str
    policy_version: str
    is_closed: bool
    customers: list[Customer]
    names: dict[str, tuple[str, str]]
    metrics: dict[str, dict[Segment, Metric]]
    waterfall_months: list[tuple[date, dict[str, Decimal]]]
    waterfall: dict[Segment, dict[str, Decimal]]
    bridge: dict[Segment, dict[str, Decimal]]
    policies: list[tuple]
    # Invoices: amount by class; customer, name, class, amount, explanation; what may stay unexplained.
    invoice_classes: dict[str, Decimal]
    invoice_customers: list[tuple]
    invoice_tolerance: Decimal
    revenue: list[tuple]  # currency, MRR of every day, recognised, difference, tolerance, breach
    reported: list[tuple]  # metric, unit, ours, reported, difference, tolerance, breach, by whom
    restatements: list[tuple]  # month, customer, name, reason, locked, now, difference, items, build that saw it first
    locked_mrr: Decimal | None
    close: Close | None

    @cached_property
    def fingerprint(self) -> str:
        """Short for all figures and for how they are written, whichever build read them on whatever day."""
        text = hashlib.sha256(repr(replace(self, build_id="", as_of_date=date.min)).encode())
        for file in sorted(Path(__file__).parent.glob("*.py")):
            text.update(file.read_bytes())
        return text.hexdigest()

    @property
    def segments(self) -> list[Segment]:
        """Every segment that a customer or a figure stands in, in the order of the types."""
        found = {
            (kind, value)
            for customer in self.customers
            for kind, value in (
                *((kind, getattr(customer, kind)) for kind in SEGMENT_TYPES),
                ("plan_tier", customer.month_plan_tier),
                ("size_band", customer.month_size_band),
            )
        }
        found |= {segment for rows in (self.metrics["nrr"], self.waterfall, self.bridge) for segment in rows} - {TOTAL}
        return sorted(found, key=lambda segment: (SEGMENT_TYPES.index(segment[0]), segment[1]))


def months_to_write(connection: duckdb.DuckDBPyConnection) -> list[date]:
    """Give the last complete month, and the closed ones of the twelve months up to it."""
    rows = connection.execute(
        "select month, max(case when is_closed then 1 else 0 end) = 1 from metrics.metric_values "
        "where is_complete_month group by month order by month"
    ).fetchall()
    return [month for month, is_closed in rows[-YEAR:] if is_closed or month == rows[-1][0]]


def read(connection: duckdb.DuckDBPyConnection, month: date) -> Figures:
    """Read the figures of a month."""
    build_id, currency, as_of_date, time_zone, policy_version = connection.execute(
        "select build_id, currency, as_of_date, time_zone, policy_version from audit.publication"
    ).fetchall()[0]
    metrics = _metrics(connection, month)
    return Figures(
        month=month,
        build_id=build_id,
        currency=currency,
        digits=_digits(currency),
        as_of_date=as_of_date,
        time_zone=time_zone,
        policy_version=policy_version,
        is_closed=connection.execute(
            "select coalesce(bool_or(is_closed), false) from metrics.metric_values where month = $1", [month]
        ).fetchall()[0][0],
        customers=_customers(connection, month),
        names={
            key: (name_en, name_ja)
            for key, name_en, name_ja in connection.execute(
                "select metric_key, name_en, name_ja from metrics.metric_catalog order by metric_key"
            ).fetchall()
        },
        metrics=metrics,
        waterfall_months=[
            (row[0], dict(zip(WATERFALL, row[1:], strict=True)))
            for row in connection.execute(
                f"select month, {_amounts(WATERFALL)} from metrics.mrr_waterfall where segment_type = 'total' "
                "and month between $1 - interval 11 month and $1 order by month",
                [month],
            ).fetchall()
        ],
        waterfall=_by_segment(connection, "mrr_waterfall", WATERFALL, month),
        bridge=_by_segment(connection, "nrr_bridge", BRIDGE, month),
        policies=connection.execute(
            "select policy_key, name_en, name_ja, numerator, denominator, value, difference_to_headline, null_reason "
            "from metrics.nrr_sensitivity where month = $1 order by sort_order",
            [month],
        ).fetchall(),
        **_tie_outs(connection, month),
        **_closed(connection, month),
    )


def _digits(currency: str) -> int:
    return next(int(row["minor_unit_digits"]) for row in seed("currencies") if row["currency"] == currency)


def _amounts(lines: Iterable[str]) -> str:
    return ", ".join(f"{line}_mrr" for line in lines)


def _by_segment(
    connection: duckdb.DuckDBPyConnection, table: str, lines: tuple[str, ...], month: date
) -> dict[Segment, dict[str, Decimal]]:
    rows = connection.execute(
        f"select segment_type, segment_value, {_amounts(lines)} from metrics.{table} where month = $1 "
        "order by segment_type, segment_value",
        [month],
    ).fetchall()
    return {(kind, value): dict(zip(lines, amounts, strict=True)) for kind, value, *amounts in rows}


def _metrics(connection: duckdb.DuckDBPyConnection, month: date) -> dict[str, dict[Segment, Metric]]:
    found = {key: {} for key in METRICS}
    for key, kind, value, *figures in connection.execute(
        "select metric_key, segment_type, segment_value, numerator, denominator, value, closed_value, "
        "headline_value, null_reason from metrics.metric_values where month = $1 and list_contains($2, metric_key) "
        "order by metric_key, segment_type, segment_value",
        [month, list(METRICS)],
    ).fetchall():
        found[key][kind, value] = Metric(*figures)
    return found


def _customers(connection: duckdb.DuckDBPyConnection, month: date) -> list[Customer]:
    """Read the ledger: who had MRR at the window's start, or any movement in it."""
    sums = ", ".join(f"sum(months.{flow}_mrr) as {flow}" for flow in FLOWS)
    month_sums = ", ".join(
        f"sum(case when months.month = $1 then months.{flow}_mrr else 0 end) as month_{flow}"
        for flow in ("opening", *FLOWS)
    )
    rows = connection.execute(
        f"""
        with rolled as (
            select
                months.account_id,
                sum(case when months.month = $1 then months.closing_mrr else 0 end) as now,
                sum(case when months.month = $1 - interval 11 month then months.opening_mrr else 0 end) as opening,
                {sums},
                {month_sums},
                coalesce(min(case when months.closing_mrr > 0 then months.month end), $1) as first_mrr_month
            from marts.fct_account_months as months
            where months.month between $1 - interval 11 month and $1
            group by months.account_id
        )

        select
            rolled.account_id,
            accounts.account_name,
            segments.plan_tier,
            segments.size_band,
            segments.industry,
            segments.country,
            coalesce(windows.opening_mrr, 0),
            rolled.now,
            coalesce(windows.retained_mrr, 0),
            coalesce(windows.price_uplift_mrr, 0),
            case when windows.has_lapsed then 1 else 0 end,
            rolled.opening,
            {", ".join(f"rolled.{flow}" for flow in FLOWS)},
            {", ".join(f"rolled.month_{flow}" for flow in ("opening", *FLOWS))},
            month_segments.plan_tier,
            month_segments.size_band
        from rolled
        inner join marts.dim_accounts as accounts on rolled.account_id = accounts.account_id
        inner join marts.dim_account_months as segments
            on rolled.account_id = segments.account_id
            and segments.month
            = case when rolled.opening > 0 then $1 - interval 11 month else rolled.first_mrr_month end
        inner join marts.dim_account_months as month_segments
            on rolled.account_id = month_segments.account_id and month_segments.month = $1
        left join marts.fct_retention_account_months as windows
            on rolled.account_id = windows.account_id and windows.month = $1 and windows.window_months = {YEAR}
        where rolled.opening > 0 or rolled.now > 0 or {" or ".join(f"rolled.{flow} <> 0" for flow in FLOWS)}
        order by rolled.account_id
        """,
        [month],
    ).fetchall()
    return [Customer(*row) for row in rows]


def _published(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Say whether a table of schema reconciliation is there."""
    return bool(
        connection.execute(
            "select 1 from information_schema.tables where table_schema = 'reconciliation' and table_name = $1", [table]
        ).fetchall()
    )


def _tie_outs(connection: duckdb.DuckDBPyConnection, month: date) -> dict[str, Any]:
    found = {
        "invoice_classes": {}, "invoice_customers": [], "invoice_tolerance": Decimal(0), "revenue": [], "reported": [],
    }  # fmt: skip
    if _published(connection, "mrr_to_invoices"):
        totals = connection.execute(
            "select class, amount, tolerance_amount from reconciliation.mrr_to_invoices where month = $1 and is_total "
            "order by class",
            [month],
        ).fetchall()
        found["invoice_classes"] = {kind: amount for kind, amount, _ in totals}
        found["invoice_tolerance"] = max((tolerance for *_, tolerance in totals), default=Decimal(0))
        found["invoice_customers"] = connection.execute(
            "select tied.account_id, accounts.account_name, tied.class, tied.amount, tied.explanation "
            "from reconciliation.mrr_to_invoices as tied left join marts.dim_accounts as accounts using (account_id) "
            "where tied.month = $1 and not tied.is_total "
            "order by tied.class <> 'unexplained', tied.class, abs(tied.amount) desc, tied.account_id",
            [month],
        ).fetchall()
    if _published(connection, "mrr_to_revenue"):
        found["revenue"] = connection.execute(
            "select currency, day_weighted_mrr, recognised_amount, difference_amount, tolerance_amount, is_breach "
            "from reconciliation.mrr_to_revenue where month = $1 order by is_total, currency",
            [month],
        ).fetchall()
    if _published(connection, "reported_metric_differences"):
        found["reported"] = connection.execute(
            "select reported.metric_key, catalog.unit, reported.value, reported.reported_value, reported.difference, "
            "reported.tolerance, reported.is_breach, reported.reported_by "
            "from reconciliation.reported_metric_differences as reported "
            "left join metrics.metric_catalog as catalog using (metric_key) "
            "where reported.month = $1 order by reported.metric_key",
            [month],
        ).fetchall()
    return found


def _closed(connection: duckdb.DuckDBPyConnection, month: date) -> dict[str, Any]:
    """Read what was locked, and what moved since in the closed months that the window reaches."""
    found: dict[str, Any] = {"restatements": [], "locked_mrr": None, "close": None}
    if _published(connection, "closes"):
        rows = connection.execute(
            f"select {', '.join(Close._fields)} from reconciliation.closes where month = $1 and is_in_force", [month]
        ).fetchall()
        found["close"] = next((Close(*row) for row in rows), None)
    if _published(connection, "restatements"):
        found["restatements"] = connection.execute(
            "select moved.month, moved.account_id, accounts.account_name, moved.reason, moved.closed_mrr, "
            "moved.live_mrr, moved.difference_mrr, moved.item_count, moved.first_seen_build_id "
            "from reconciliation.restatements as moved left join marts.dim_accounts as accounts using (account_id) "
            "where moved.month between $1 - interval 12 month and $1 order by moved.month desc, moved.account_id, "
            "moved.reason",
            [month],
        ).fetchall()
    if _published(connection, "closed_account_months"):
        (found["locked_mrr"],) = connection.execute(
            "select sum(closing_mrr) from reconciliation.closed_account_months where month = $1", [month]
        ).fetchall()[0]
    return found
