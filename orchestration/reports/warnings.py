"""What a publication warns of, told where its figures are told: what, how much, whom it concerns, where to look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

import duckdb

from orchestration.landing.contract import load_contract
from orchestration.landing.remedies import of_rule

MOST_DETAILS = 5
# What is missing altogether is told before anything else.
LOUDEST = "assert_nothing_is_withheld"


class Warned(NamedTuple):
    """A check that warned, and what it found, a line each."""

    check_name: str
    row_count: int
    description_en: str
    description_ja: str
    concerns_en: str
    concerns_ja: str
    look_at: str
    details: list[str]


def warnings(connection: duckdb.DuckDBPyConnection) -> list[Warned]:
    """Read what warned from a published file."""
    rows = connection.execute(
        "select check_name, row_count, description_en, description_ja, concerns_en, concerns_ja, look_at "
        "from audit.check_results where status = 'warn' order by check_name <> $1, check_name",
        [LOUDEST],
    ).fetchall()
    return [Warned(*[*row, list(DETAILS[row[0]](connection)) if row[0] in DETAILS else []]) for row in rows]


def withheld(connection: duckdb.DuckDBPyConnection) -> str:
    """Say in both languages what is withheld of a publication, for an alert; nothing where nothing is."""
    return "\n".join(told([warned for warned in warnings(connection) if warned.check_name == LOUDEST]))


def told(found: list[Warned], *, japanese: bool = True) -> list[str]:
    """Put warnings in lines."""
    lines = []
    for warned in found:
        lines.append(f"- {warned.description_en}.")
        if japanese:
            lines.append(f"  {warned.description_ja}。")
        details = warned.details or [f"{warned.row_count:,} {'row' if warned.row_count == 1 else 'rows'}"]
        lines += [f"    {detail}" for detail in details[:MOST_DETAILS]]
        if len(details) > MOST_DETAILS:
            lines.append(f"    and {len(details) - MOST_DETAILS:,} more")
        concerns = f"{warned.concerns_en} ({warned.concerns_ja})" if japanese else warned.concerns_en
        lines.append(f"  Concerns {concerns}. Look at {warned.look_at}.")
    return lines


# What each of them found


def _rejected(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    if connection.execute("select 1 from audit.publication where has_accepted_rejects").fetchall():
        yield "published whatever the limits say, because KEIZOKU_ACCEPT_REJECTS=1"
    rules = "string_agg(rule || ' ' || row_count, ', ' order by row_count desc, rule)"
    for table, rejected, read, reasons in connection.execute(
        f"""
        select counts.table_name, counts.rejected, counts.read, rules.rules
        from audit.row_counts as counts
        left join (
            select table_name, {rules} as rules
            from (select table_name, rule, count(*) as row_count from audit.quarantined_rows group by all)
            group by table_name
        ) as rules on counts.table_name = rules.table_name
        where counts.rejected > 0
        order by counts.rejected desc, counts.table_name
        """
    ).fetchall():
        yield f"{table}: {rejected:,} of {read:,} rows ({reasons})"


def _withheld(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    metrics = connection.execute(
        "select distinct name_en, name_ja from metrics.metric_values join metrics.metric_catalog using (metric_key) "
        "where null_reason in (select withheld_reason from audit.row_counts) order by name_en"
    ).fetchall()
    if metrics:
        yield "null: " + ", ".join(f"{english} ({japanese})" for english, japanese in metrics)
    # Of each table the most frequent cause, and what to do about it.
    for table, rejected, read, reason, rule, column, values in connection.execute(
        """
        select table_name, rejected, read, withheld_reason, rule, column_name, found
        from audit.row_counts
        join (
            select table_name, rule, column_name, count(*) as row_count,
                list(distinct value_found order by value_found)[:3] as found
            from audit.quarantined_rows
            group by table_name, rule, column_name
        ) using (table_name)
        where withheld_reason is not null
        qualify row_number() over (partition by table_name order by row_count desc, rule, column_name) = 1
        order by table_name
        """
    ).fetchall():
        columns = {one.name: one for one in load_contract()[table].columns}
        remedy = of_rule(rule, columns.get(column), values[0] if values else None, table)
        place = f"{column} {', '.join(map(repr, values))}".strip() if column else "the row"
        yield f"{table}: {rejected:,} of {read:,} rows rejected ({reason}); {place}: {remedy} ({rule})"


def _tie_outs(severity: str) -> Callable[[duckdb.DuckDBPyConnection], Iterator[str]]:
    def lines(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
        for name, month, ours, theirs, difference, unit, is_published in connection.execute(
            "select coalesce(catalog.name_en, reported.metric_key), reported.month, reported.value, "
            "reported.reported_value, reported.difference, catalog.unit, reported.value is not null "
            "from reconciliation.reported_metric_differences as reported "
            "left join metrics.metric_catalog as catalog using (metric_key) "
            "where reported.severity = $1 order by reported.month desc, 1",
            [severity],
        ).fetchall():
            if not is_published:
                yield f"{name} of {month:%Y-%m}: finance reports {_shown(theirs, unit)}, and there is no figure here"
                continue
            points = " points" if unit == "ratio" else ""
            gap = f"{difference * 100:+.2f}{points}" if unit == "ratio" else f"{difference:+,.2f}"
            yield (
                f"{name} of {month:%Y-%m}: {_shown(ours, unit)} here, {_shown(theirs, unit)} reported by finance, "
                f"difference {gap}"
            )
        for month, gross, tolerance in connection.execute(
            "select month, gross_amount, tolerance_amount from reconciliation.mrr_to_invoices "
            "where is_total and severity = $1 order by month desc",
            [severity],
        ).fetchall():
            yield f"Invoices of {month:%Y-%m}: {gross:,.0f} unexplained, {tolerance:,.0f} allowed"
        for month, difference, tolerance in connection.execute(
            "select month, difference_amount, tolerance_amount from reconciliation.mrr_to_revenue "
            "where severity = $1 order by month desc",
            [severity],
        ).fetchall():
            yield f"Recognised revenue of {month:%Y-%m}: MRR differs by {difference:+,.0f}, {tolerance:,.0f} allowed"

    return lines


def _late(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for table, is_stale, age, most, last, before in connection.execute(
        "select table_name, is_stale, age_days, max_age_days, last_7_days_count, previous_28_days_count "
        "from audit.freshness where (is_stale or is_low_volume) and severity = 'warn' order by table_name"
    ).fetchall():
        if is_stale:
            yield f"{table}: {age:,} days old, {most:,} allowed"
        else:
            yield f"{table}: {last:,} rows in the last 7 days, {before:,} in the 28 days before"


def _doubtful(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for table, warning, count, first in connection.execute(
        "select table_name, warning, count(*), min(row_key) from audit.row_warnings "
        "where warning in ('paused_without_pause', 'unknown_replaced_subscription') group by all order by 1, 2"
    ).fetchall():
        yield f"{table}: {warning}, {count:,} rows, such as {first}"


def _unexplained(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for month, count, amount in connection.execute(
        "select month, count(*), sum(difference_mrr) from reconciliation.restatements where reason = 'unexplained' "
        "group by month order by month desc"
    ).fetchall():
        yield f"{month:%Y-%m}: {count:,} customers, MRR {amount:+,.0f}"


def _unheld(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    (months,) = connection.execute(
        "select row_count from audit.check_results where check_name = 'assert_revenue_ledger_is_tied_out'"
    ).fetchall()[0]
    yield f"{months:,} months of the ledger are held against nothing"
    for account, count in connection.execute(
        "select ledger_account, row_count from reconciliation.ledger_accounts where not is_recurring "
        "order by row_count desc, ledger_account"
    ).fetchall():
        yield f"not named: {account} ({count:,} rows)"


def _shown(value: Decimal | None, unit: str | None) -> str:
    if value is None:
        return "-"
    return f"{value * 100:.2f} %" if unit == "ratio" else f"{value:,.2f}"


DETAILS = {
    "assert_nothing_is_withheld": _withheld,
    "assert_no_rows_are_rejected": _rejected,
    "assert_tie_outs_hold_in_open_months": _tie_outs("warn"),
    "assert_data_is_fresh": _late,
    "assert_accepted_rows_are_not_doubtful": _doubtful,
    "assert_restatements_are_explained": _unexplained,
    "assert_revenue_ledger_is_tied_out": _unheld,
}
