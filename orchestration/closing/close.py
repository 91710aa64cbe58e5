"""Close a month: what is published of it is locked for good. Reopen it: a recorded act, with a reason.

    keizoku close 2026-10 --by "Sato Yui" --approved-by "Tanaka Ken"
    keizoku reopen 2026-10 --reason "Credit note of Kita Foods was missing"

A close takes the figures of the publication that readers see, which every check has passed, and adds them to the
store (store.py) in one step. The refresh that follows shows them; should it fail, the month is closed all the same.
"""

import getpass
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from orchestration.closing import store as state
from orchestration.publication import history
from orchestration.publication.publish import PublicationError
from orchestration.settings import Settings, seed
from orchestration.warehouse.database import NAME, attach, attached, in_memory, literal

TIE_OUTS = ("mrr_to_invoices", "mrr_to_revenue", "reported_metric_differences")


class ClosingError(Exception):
    """Why a month was not closed or reopened; the message says what would have to be done first."""


@dataclass(frozen=True)
class Signature:
    """Who closes or reopens a month, who approved it, and under which user of the operating system it is done."""

    made_by: str
    approved_by: str | None
    os_user: str


def signature(by: str = "", approved_by: str = "") -> Signature:
    """Read the names that were told; raise ClosingError where the policy asks for two people and there are not two."""
    by, approved_by = " ".join(by.split()), " ".join(approved_by.split())
    if _policy("close_needs_approval") == "1":
        told = 'write it as BY="…" APPROVED_BY="…" (close_needs_approval in seeds/policy.csv asks for two people).'
        if not by or not approved_by:
            raise ClosingError(f"Who closes or reopens it, and who approved that? Please {told}")
        if _folded(by) == _folded(approved_by):
            raise ClosingError(f"BY and APPROVED_BY are one name, {by}: somebody else approves; {told}")
    return Signature(by or _who(), approved_by or None, _who())


# Closing and reopening


def close_month(home: Path, month: date, signed: Signature, data_through: date | None = None) -> state.Entry:
    """Lock what is published of a month; raise ClosingError when it may not be closed.

    `data_through` is the last day that the data covers, by the word of who closes; None when nobody said.
    """
    found = state.verify(home)
    with _published(home) as connection:
        return lock(connection, home, found, month, signed, data_through)


def lock(
    connection: duckdb.DuckDBPyConnection,
    home: Path,
    found: list[state.Entry],
    month: date,
    signed: Signature,
    stated: date | None = None,
) -> state.Entry:
    """Add a month to the store, from a database with published tables; refuse what may not be closed."""
    by = about(connection)
    _stop_when_simulated(connection)
    _stop_unless_next(connection, found, month)
    _stop_unless_complete(month, by["as_of_date"])
    stop_when_reported_otherwise(found, by["currency"], by["time_zone"])
    _stop_unless_checked(connection)
    covered = _data_through(connection, month, stated)
    _stop_when_a_tie_out_fails(connection, month)
    return state.append(
        home,
        connection,
        _rows_to_lock(month, found),
        action="close",
        month=month,
        reason=None,
        **by,
        **signed.__dict__,
        **covered,
    )


def reopen_month(home: Path, month: date, reason: str, signed: Signature) -> state.Entry:
    """Record that a closed month is open again; its locked rows stay in the store."""
    with _published(home) as connection:
        return reopen(home, month, reason, signed, about(connection))


def reopen(home: Path, month: date, reason: str, signed: Signature, by: dict[str, object]) -> state.Entry:
    """Add a reopening to the store; refuse it without a reason, or when the month is not closed."""
    found = state.verify(home)
    if not reason.strip():
        raise ClosingError(f'Why? Write it as REASON="…": reopening {month:%Y-%m} is recorded with its reason.')
    if month not in state.in_force(found, date.max):
        raise ClosingError(f"{month:%Y-%m} is not closed. {_said(found)}")
    with in_memory() as connection:
        return state.append(
            home,
            connection,
            {},
            action="reopen",
            month=month,
            reason=reason.strip(),
            **by,
            **signed.__dict__,
            data_through=None,
            data_through_by=None,
        )


@contextmanager
def _published(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    file = home / "published" / history.FILE
    if not file.is_file():
        raise ClosingError(
            f"Nothing is published in {home}, and a close locks what is published: run `make run` first."
        )
    with attached(file, read_only=True) as connection:
        yield connection


def about(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """What an entry says of the build that it is about, and when it is made."""
    build_id, currency, time_zone, policy_version, as_of_date = connection.execute(
        "select build_id, currency, time_zone, policy_version, as_of_date from audit.publication"
    ).fetchall()[0]
    return {
        "build_id": build_id,
        "currency": currency,
        "time_zone": time_zone,
        "policy_version": policy_version,
        "as_of_date": as_of_date,
        "made_at": datetime.now(UTC).replace(tzinfo=None),
    }


def _rows_to_lock(month: date, found: list[state.Entry]) -> dict[str, str]:
    """The rows of a month, a query a table of the store."""
    known = [entry.folder / "item_versions.parquet" for entry in found if "item_versions" in entry.files]
    paths = ", ".join(literal(file) for file in known)
    knew = (
        f"select item_version_id from read_parquet([{paths}])"
        if known
        else "select null as item_version_id where false"
    )
    return {
        "account_months": f"""
            select
                revenue.account_id, revenue.month, revenue.opening_mrr, revenue.closing_mrr,
                kept.opening_mrr as cohort_opening_mrr, kept.closing_mrr as cohort_closing_mrr,
                segments.plan_tier, segments.size_band, segments.industry, segments.country,
                behind.plan_rates, behind.member_accounts, publication.policy_version
            from marts.fct_account_months as revenue
            inner join marts.dim_account_months as segments using (account_id, month)
            left join marts.fct_retention_account_months as kept
                on revenue.account_id = kept.account_id and revenue.month = kept.month and kept.window_months = 12
            left join (
                select account_id,
                    string_agg(distinct rate, ', ' order by rate) as plan_rates,
                    string_agg(distinct owner_account_id, ', ' order by owner_account_id) as member_accounts
                from (
                    select *, currency || ' ' || cast(plan_rate as varchar) as rate
                    from reconciliation.item_months where month = date '{month}'
                ) group by account_id
            ) as behind on revenue.account_id = behind.account_id
            cross join audit.publication
            where revenue.month = date '{month}'
                and (revenue.opening_mrr > 0 or revenue.closing_mrr > 0 or kept.opening_mrr > 0)
        """,
        "item_months": f"select * from reconciliation.item_months where month = date '{month}'",
        "metric_values": f"""
            select * replace (value as closed_value) from metrics.metric_values where month = date '{month}'
        """,
        "item_versions": f"""
            select distinct item_version_id, service_from_at from reconciliation.item_months
            where item_version_id not in (select item_version_id from ({knew}))
        """,
    }


# What may not be closed


def _stop_when_simulated(connection: duckdb.DuckDBPyConnection) -> None:
    """What was computed as of a day that had not come is nothing that happened."""
    try:
        simulated = connection.execute("select as_of_date from audit.publication where is_simulation").fetchall()
    except duckdb.BinderException:  # published before there were any
        return
    if simulated:
        raise ClosingError(
            f"What is published is a simulation as of {simulated[0][0]} (KEIZOKU_ALLOW_FUTURE): it locks nothing. "
            "Publish as of a day that has come, and close then."
        )


def _stop_unless_next(connection: duckdb.DuckDBPyConnection, found: list[state.Entry], month: date) -> None:
    """Months are closed once, and one after the other from the first that was.

    An earlier one than that is closed while the first is open again: it was the wrong one to begin with.
    """
    closed = state.in_force(found, date.max)
    if month in closed:
        entry = closed[month]
        raise ClosingError(
            f"{month:%Y-%m} is closed already: by {entry.made_by}, {entry.made_at:%Y-%m-%d %H:%M} UTC, from build "
            f'{entry.build_id}. To close it anew, reopen it first: make reopen MONTH={month:%Y-%m} REASON="…".'
        )
    first, last = connection.execute("select min(month), max(month) from marts.dim_months").fetchall()[0]
    if not first <= month <= last:
        raise ClosingError(f"{month:%Y-%m} is not published: the months are {first:%Y-%m} to {last:%Y-%m}.")
    ever = [entry.month for entry in found if entry.action == "close"]
    if not ever:
        return
    began = min(ever)
    if month < began:
        if began in closed:
            raise ClosingError(
                f"{month:%Y-%m} lies before {began:%Y-%m}, with which closing began, and stays open. To begin earlier, "
                f'reopen {began:%Y-%m} first: make reopen MONTH={began:%Y-%m} REASON="…". {_said(found)}'
            )
        return
    following = began
    while following in closed:
        following = _next(following)
    if month != following:
        reopened = ", which was reopened," if following in ever else ""
        raise ClosingError(f"{following:%Y-%m}{reopened} has to be closed before {month:%Y-%m}. {_said(found)}")


def _stop_unless_complete(month: date, as_of_date: date) -> None:
    last_day = _next(month) - timedelta(days=1)
    days = int(_policy("close_after_days"))
    if as_of_date < last_day + timedelta(days=days):
        after = f" ({days} days after its end, as seeds/policy.csv says)" if days else ""
        raise ClosingError(
            f"{month:%Y-%m} is not complete in what is published, which is as of {as_of_date}: "
            f"publish as of {last_day + timedelta(days=days)} or later first{after}."
        )


def stop_when_reported_otherwise(found: list[state.Entry], currency: str, time_zone: str) -> None:
    """Locked figures and live ones are held against each other: in one currency, with one time zone."""
    for entry in found[-1:]:
        if (entry.currency, entry.time_zone) != (currency, time_zone):
            raise ClosingError(
                f"Months are closed in {entry.currency} ({entry.time_zone}), and this is {currency} ({time_zone}): "
                "give another currency or time zone a KEIZOKU_HOME of its own."
            )


def _stop_unless_checked(connection: duckdb.DuckDBPyConnection) -> None:
    if _has(connection, "audit", "check_results", "status"):
        failed = connection.execute(
            "select check_name from audit.check_results where status not in ('pass', 'warn') order by 1"
        ).fetchall()
        if failed:
            raise ClosingError(f"Checks of the published build failed: {', '.join(name for (name,) in failed)}.")
    (rejects,) = connection.execute("select has_accepted_rejects from audit.publication").fetchall()[0]
    if rejects:
        raise ClosingError(
            "What is published was published with KEIZOKU_ACCEPT_REJECTS=1, whatever was rejected: "
            "mend the rejected rows (audit.quarantined_rows) and publish without it first."
        )


def _data_through(connection: duckdb.DuckDBPyConnection, month: date, stated: date | None) -> dict[str, object]:
    """Say through which day the data is, and what tells; refuse a month that it does not cover.

    Nothing new may have happened for months, so no newest row of billing is asked: what counts is when it was
    delivered. Only where something always happens, as in usage events, is silence a sign.
    """
    last_day = _next(month) - timedelta(days=1)
    remedy = (
        f"Bring the rest and publish first; or say by your word that it is complete: "
        f"DATA_THROUGH={last_day} (a day on or after the month's last one)."
    )
    if stated is not None:
        if stated < last_day:
            raise ClosingError(f"DATA_THROUGH={stated} is before the end of {month:%Y-%m}, {last_day}. {remedy}")
        return {"data_through": stated, "data_through_by": "stated"}
    if not _has(connection, "audit", "freshness", "delivered_by"):
        raise ClosingError("What is published was made by an earlier version of Keizoku: run `make run` first.")
    (covered,) = connection.execute("select data_through from audit.publication").fetchall()[0]
    (told_by,) = connection.execute(
        "select min(delivered_by) from audit.freshness "
        "where table_name in ('subscriptions', 'subscription_item_versions')"
    ).fetchall()[0]  # '_loaded_at' sorts before 'file'
    if covered is None or covered < last_day:
        sign = "their _loaded_at" if told_by == "_loaded_at" else "the times of their files"
        tables = "subscriptions and subscription_item_versions"
        told = f"{tables} are only through {covered}, by {sign}" if covered else f"nothing tells how far {tables} are"
        raise ClosingError(f"The data is not through {last_day}: {told}. {remedy}")
    late = connection.execute(
        "select table_name, newest_on, max_age_days from audit.freshness where table_name = 'usage_events' "
        "and newest_on + cast(max_age_days as integer) < $1",
        [last_day],
    ).fetchall()
    for table, newest, days in late:
        raise ClosingError(
            f"The data is not through {last_day}: {table} ends on {newest}, and "
            f"seeds/freshness_expectations.csv allows it {days} days of silence. {remedy}"
        )
    return {"data_through": covered, "data_through_by": told_by}


def _stop_when_a_tie_out_fails(connection: duckdb.DuckDBPyConnection, month: date) -> None:
    """A breach of a tie-out is an error on a month that is to be locked."""
    for table in TIE_OUTS:
        if not _has(connection, "reconciliation", table, "is_breach"):
            continue
        rows = connection.execute(f"select * from reconciliation.{table} where is_breach and month = $1", [month])
        names = [column[0] for column in rows.description]
        breaches = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
        if breaches:
            told = "; ".join(
                ", ".join(
                    f"{name} {value}"
                    for name, value in breach.items()
                    if not isinstance(value, date | bool | None) and name != "severity"
                )
                for breach in breaches[:3]
            )
            raise ClosingError(
                f"{month:%Y-%m} does not tie out (reconciliation.{table}, {len(breaches)} beyond tolerance): {told}. "
                "Explain it with a manual adjustment, or mend the data or what was reported, and publish first."
            )


def _has(connection: duckdb.DuckDBPyConnection, schema: str, table: str, column: str) -> bool:
    found = connection.execute(
        "select 1 from duckdb_columns() where schema_name = $1 and table_name = $2 and column_name = $3",
        [schema, table, column],
    )
    return bool(found.fetchall())


# What a refresh does with closed months


def log_restatements(settings: Settings) -> None:
    """Check the store before a publication, and add what the build saw move in closed months to its log."""
    found = state.verify(settings.home)
    if not found:
        return
    with in_memory() as connection:
        attach(connection, settings.build_file, "built", read_only=True)
        connection.execute(f"attach ':memory:' as {NAME}; use {NAME}")
        connection.execute("create schema state")
        state.land_state(connection, settings.home, settings.as_of_date)
        closes = "select entry_number, row_hash from {}.state.closes where action <> 'restatements'"
        one, other = closes.format("built"), closes.format("keizoku")
        if connection.execute(f"({one} except {other}) union all ({other} except {one})").fetchall():
            raise PublicationError("Months were closed or reopened since this build began. Run the whole refresh.")
        log_differences(connection, settings, found[-1], "built.reconciliation.restatements")


def log_differences(
    connection: duckdb.DuckDBPyConnection, settings: Settings, last: state.Entry, restatements: str
) -> state.Entry | None:
    """Add the restatements that are not as the log last said to the store; nothing when there are none."""
    moved = f"""
        with logged as (
            select close_number, account_id, month, reason, max_by(difference_mrr, entry_number) as difference_mrr
            from keizoku.state.restatement_log
            where close_number in (select entry_number from keizoku.state.closes where is_in_force)
            group by all
        )
        select coalesce(now.account_id, logged.account_id) as account_id, coalesce(now.month, logged.month) as month,
            coalesce(now.reason, logged.reason) as reason, '{settings.build_id}' as build_id,
            coalesce(now.difference_mrr, 0) as difference_mrr,
            coalesce(now.close_number, logged.close_number) as close_number,
            timestamp '{settings.started_at}' as seen_at
        from {restatements} as now
        full outer join logged using (close_number, account_id, month, reason)
        where coalesce(now.difference_mrr, 0) <> coalesce(logged.difference_mrr, 0)
    """
    if not connection.execute(f"select 1 from ({moved}) limit 1").fetchall():
        return None
    return state.append(
        settings.home, connection, {"restatements": moved}, action="restatements",
        month=settings.as_of_date.replace(day=1), reason=None, made_by=_who(), approved_by=None, os_user=_who(),
        data_through=None, data_through_by=None, build_id=settings.build_id,
        currency=last.currency, time_zone=last.time_zone, policy_version=last.policy_version,
        as_of_date=settings.as_of_date, made_at=datetime.now(UTC).replace(tzinfo=None),
    )  # fmt: skip


# The commands


def _who() -> str:
    """The user of the operating system; a container may know only a number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _policy(setting: str) -> str:
    return next(row["value"] for row in seed("policy") if row["setting"] == setting)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _next(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def _said(found: list[state.Entry]) -> str:
    closed = sorted(state.in_force(found, date.max))
    return f"Closed: {', '.join(f'{month:%Y-%m}' for month in closed)}." if closed else "No month is closed."


def parse_month(text: str) -> date:
    """Read 2026-10 as the first day of that month."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise ClosingError(f"MONTH={text!r} is not a month; write it as MONTH=2026-10.")
    return date.fromisoformat(f"{text}-01")


def parse_day(text: str) -> date | None:
    """Read the day of DATA_THROUGH; None when it is not given."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ClosingError(f"DATA_THROUGH={text!r} is not a day; write it as DATA_THROUGH=2026-11-03.") from error
