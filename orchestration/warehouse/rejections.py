"""Why rows were rejected, for whoever has to mend them: table, column, values, how many, and the remedy."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Any

import duckdb

from orchestration.landing.contract import load_contract
from orchestration.landing.remedies import of_rule
from orchestration.warehouse.database import attached

MOST_VALUES = 3
MOST_CAUSES = 6  # a table
# The checks that stop a run because of rejected rows; what was rejected is told once for all of them.
CHECKS = ("assert_rejects_are_within_limits", "assert_rejected_billing_rows_hold_little_mrr")


def in_words(build_file: Path, tables: Collection[str] = ()) -> list[str]:
    """Tell what was rejected in these tables, or in all, the cause first and what follows from it last."""
    with attached(build_file, read_only=True) as connection:
        counts = {
            table: (read, rejected)
            for table, read, rejected in connection.execute(
                "select table_name, read, rejected from audit.row_counts where rejected > 0"
            ).fetchall()
        }
        causes = connection.execute(
            "select table_name, rule, column_name, value_found, count(*), min(row_key) from audit.quarantined_rows "
            "where not is_follow_on and rule <> 'bad_type' group by all order by count(*) desc, 1, 2, 3, 4"
        ).fetchall()
        causes += _unreadable(connection, [table for table in counts if not tables or table in tables])
        follow_on = connection.execute(
            "select table_name, rule, count(*) from audit.quarantined_rows where is_follow_on group by all "
            "order by count(*) desc, 1, 2"
        ).fetchall()
    lines = []
    by_table = defaultdict(list)
    for table, *cause in causes:
        by_table[table].append(cause)
    # In the order of the contract: accounts, products and subscriptions are what others hang on.
    for table in load_contract():
        if table in by_table and (not tables or table in tables):
            read, rejected = counts[table]
            lines.append(f"  {table}: {rejected:,} of {read:,} rows rejected")
            lines += _causes(table, by_table[table])
    hanging = [f"{table} {count:,}" for table, _, count in follow_on if not tables or table in tables]
    if hanging:
        lines.append(f"  and, only because the row that they belong to is rejected: {', '.join(hanging)}")
    return lines


def _unreadable(connection: duckdb.DuckDBPyConnection, tables: Collection[str]) -> list[tuple[Any, ...]]:
    """Every value that is not of its column's type, of all columns of a row; personal ones are `***`."""
    found = []
    for table in tables:
        personal = {column.name for column in load_contract()[table].columns if column.is_personal}
        values: Counter[tuple[str, str | None]] = Counter()
        keys: dict[Any, Any] = {}
        rows = connection.execute(
            f"select _unparsed, _row from staging.\"base_{table}\" where rejection_rule = 'bad_type'"
        )
        while batch := rows.fetchmany(10_000):
            for names, text in batch:
                row = json.loads(text)
                for name in names.split():
                    value = "***" if name in personal else str(row.get(name))
                    values[name, value] += 1
                    keys.setdefault((name, value), str(next(iter(row.values()))))
        found += [(table, "bad_type", *place, count, keys[place]) for place, count in values.most_common()]
    return found


def _causes(table: str, found: list[list[Any]]) -> list[str]:
    """A line or two for each column and remedy, the most frequent first."""
    columns = {column.name: column for column in load_contract()[table].columns}
    totals: Counter[tuple[Any, ...]] = Counter()
    values: defaultdict[Any, list[Any]] = defaultdict(list)
    keys: dict[Any, Any] = {}
    for rule, column, value, count, key in found:
        cause = (column, of_rule(rule, columns.get(column), value, table), rule)
        totals[cause] += count
        keys.setdefault(cause, key)
        if value is not None and len(values[cause]) < MOST_VALUES:
            values[cause].append(value if len(value) <= 60 else value[:59] + "…")
    lines = []
    for cause, count in totals.most_common(MOST_CAUSES):
        column, remedy, rule = cause
        shown = f" {', '.join(repr(value) for value in values[cause])}" if values[cause] else ""
        place = f"{column}{shown}" if column else "the row"
        rows = f"{count:,} rows, such as {keys[cause]}" if count > 1 else f"row {keys[cause]}"
        lines.append(f"    {place}: {remedy} ({rule}, {rows})")
    if len(totals) > MOST_CAUSES:
        rest = sum(totals.values()) - sum(count for _, count in totals.most_common(MOST_CAUSES))
        lines.append(f"    and {rest:,} more rows for other reasons")
    return lines


def moved(build_file: Path) -> list[str]:
    """Name whom the loss of pauses, exchange rates and internal users concerns, in which months, with how much MRR."""
    with attached(build_file, read_only=True) as connection:
        lines = []
        for about, query in MOVED.items():
            try:
                found = connection.execute(query).fetchall()
            except duckdb.CatalogException:  # dbt did not come so far
                continue
            if found:
                told = "; ".join(text for (text,) in found[:MOST_CUSTOMERS])
                more = f"; and {len(found) - MOST_CUSTOMERS:,} more" if len(found) > MOST_CUSTOMERS else ""
                lines.append(f"  {about}: {told}{more}.")
    return lines


# One text a customer, the largest first. A pause whose start cannot be read may lie in any month.
_PAUSES = """
    with pauses as (
        select
            base.subscription_id,
            cast(timezone(settings.time_zone, timezone('UTC', base.paused_from)) as date) as from_on,
            cast(timezone(settings.time_zone, timezone('UTC', base.paused_to)) as date) as to_on
        from staging.base_subscription_pauses as base
        cross join staging.stg_run_settings as settings
        where base.rejection_rule not in ('duplicate', 'deleted', 'unknown_subscription')
    ),

    moved as (
        select items.account_id, items.month, sum(items.mrr) as mrr, bool_or(pauses.from_on is null) as is_unknown
        from pauses
        inner join intermediate.int_item_months as items on pauses.subscription_id = items.subscription_id
        inner join marts.dim_months as months on items.month = months.month
        where
            items.mrr > 0
            and coalesce(pauses.from_on, months.period_end_on) <= months.period_end_on
            and (pauses.to_on is null or pauses.to_on > months.period_end_on)
        group by items.account_id, items.month
    )

    select
        account_id || ' ' || format('{:,}', cast(max(mrr) as bigint)) || ' of MRR '
        || case
            when bool_or(is_unknown) then 'in months that cannot be read'
            when min(month) = max(month) then 'in ' || strftime(min(month), '%Y-%m')
            else 'from ' || strftime(min(month), '%Y-%m') || ' to ' || strftime(max(month), '%Y-%m')
        end
    from moved
    group by account_id
    order by max(mrr) desc, account_id
"""
_RATES = """
    with currencies as (
        select distinct base_currency as currency
        from staging.base_exchange_rates
        where rejection_rule not in ('duplicate', 'deleted')
    ),

    latest as (
        select items.currency, items.account_id, items.mrr
        from intermediate.int_item_months as items
        inner join currencies on items.currency = currencies.currency
        where items.month = (select max(month) from marts.dim_months)
    )

    select
        currency || ' ' || count(distinct account_id) || ' customers, '
        || format('{:,}', cast(sum(coalesce(mrr, 0)) as bigint)) || ' of MRR in the last month'
    from latest
    group by currency
    order by currency
"""
_USERS = """
    select account_id
    from staging.base_users
    where
        rejection_rule not in ('duplicate', 'deleted', 'unknown_account')
        and coalesce(is_internal, true)
        and account_id is not null
    group by account_id
    order by account_id
"""
MOVED = {
    "Without these pauses MRR would be too high": _PAUSES,
    "These currencies would be counted at another rate": _RATES,
    "Internal users would count as customers' own": _USERS,
}
MOST_CUSTOMERS = 10


REMEDY = (
    "Mend the files and run again. docs/acceptance.md explains the rules; KEIZOKU_ACCEPT_REJECTS=1 publishes without "
    "the rejected rows."
)


def explain(build_file: Path, found: dict[str, list[dict[str, Any]]]) -> str:
    """Tell one story of the checks that stopped the run because of rejected rows, by check the rows that it found."""
    lines = []
    limits, stakes = (found.get(check, []) for check in CHECKS)
    if limits:
        lines.append(
            "Too many rows were rejected; what is left may not be the company any more: "
            + ", ".join(f"{row['table_name']} {row['rejected']:,} of {row['read']:,}" for row in limits)
            + "."
        )
    valued = [row for row in stakes if row["mrr_at_stake"]]
    if valued:
        worst = max(valued, key=lambda row: (row["share_of_mrr"], row["month"]))
        lines.append(
            f"Customers with rejected billing rows hold {worst['mrr_at_stake']:,.0f} of MRR at the end of "
            f"{worst['month']:%Y-%m} ({worst['share_of_mrr']:.1%}, {worst['customers_at_stake']:,} customers); without "
            "those rows they would pass for churn."
        )
    unvalued = max(stakes, key=lambda row: row["unvalued_customers"] or 0, default=None)
    if unvalued and unvalued["unvalued_customers"]:
        lines.append(
            f"What {unvalued['unvalued_customers']:,} of {unvalued['customers']:,} customers pay cannot be told "
            "from their rejected rows; it is not taken for nothing."
        )
    return "\n".join([*lines, *in_words(build_file), *moved(build_file), REMEDY])
