"""From raw rows to the rows that count: the acceptance rules of the raw contract."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.recompute.clock import Clock
from orchestration.recompute.contract import Table, contract
from orchestration.recompute.files import read
from orchestration.recompute.settings import Seeds
from orchestration.recompute.withheld import Withheld, rejected_rows

# The tables that a metric needs, each after those that it refers to.
TABLES = (
    "accounts",
    "account_parents",
    "products",
    "subscriptions",
    "subscription_item_versions",
    "usage_events",
    "survey_responses",
    "onboarding_milestones",
    "features",
    "users",
    "subscription_replacements",
    "subscription_pauses",
    "contracts",
    "invoice_lines",
    "exchange_rates",
    "support_tickets",
    "engagement_activities",
    "unit_economics",
    "revenue_ledger",
    "manual_adjustments",
    "reported_metrics",
)
# Start and end of a row, where it has them.
RANGES = {
    "account_parents": ("valid_from", "valid_to"),
    "subscriptions": ("started_at", "ended_at"),
    "subscription_item_versions": ("valid_from", "valid_to"),
    "users": ("activated_at", "deactivated_at"),
    "subscription_pauses": ("paused_from", "paused_to"),
    "contracts": ("start_date", "end_date"),
    "invoice_lines": ("service_from", "service_to"),
    "support_tickets": ("opened_at", "resolved_at"),
}
SCALES = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
FARTHEST_DAYS = 3650
LARGEST_LINE = Decimal(10**12)
MOST_INTERVALS = 3_660
# 1980 began so many microseconds after 1970.
EARLIEST = 3652 * 86_400_000_000
NEVER = -(2**63)

Accepted = dict[str, pa.Table]


def _mask(values: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Turn an Arrow condition into a mask; unknown is no."""
    values = pc.fill_null(values, False)
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return values.to_numpy(zero_copy_only=False)


def instants(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Give a column of instants as numbers, and which of them are there."""
    there = _mask(pc.is_valid(column))
    return pc.fill_null(column, 0).combine_chunks().to_numpy(zero_copy_only=False), there


def _settle_keys(rows: pa.Table, bad: np.ndarray, key: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rule 1 and 3: which rows stay of those with one key, and which of these nothing orders."""
    stays, conflicts = np.ones(rows.num_rows, dtype=bool), np.zeros(rows.num_rows, dtype=bool)
    keys, candidates = rows.select(list(key)), np.arange(rows.num_rows)
    if len(key) == 1:
        # Events are many and few of them come twice: look at those alone.
        codes = pc.fill_null(keys.column(0).combine_chunks().dictionary_encode().indices, -1).to_numpy()
        candidates = np.flatnonzero((codes >= 0) & (np.bincount(codes[codes >= 0], minlength=1)[codes] > 1))
        keys = keys.take(pa.array(candidates))
    groups = defaultdict(list)
    key_values = zip(*(column.to_pylist() for column in keys.columns), strict=True)
    for index, values in zip(candidates.tolist(), key_values, strict=True):
        if None not in values:
            groups[values].append(index)
    shared = [members for members in groups.values() if len(members) > 1]
    everything = [index for members in shared for index in members]
    columns = rows.take(pa.array(everything, pa.int64())).to_pydict().values()
    content = dict(zip(everything, zip(*columns, strict=True), strict=True))
    # A version says in recorded_at when it became known: where _updated_at orders nothing, that does.
    ordering = [rows.column_names.index(name) for name in ("_updated_at", "recorded_at") if name in rows.column_names]
    deleted = rows.column_names.index("_is_deleted")
    for members in shared:
        distinct = {}
        for index in members:
            distinct.setdefault((content[index], bool(bad[index])), index)
        changed = {
            index: tuple(NEVER if content[index][at] is None else content[index][at] for at in ordering)
            for index in distinct.values()
        }
        kept = [index for index, order in changed.items() if order == max(changed.values())]
        stays[members] = False
        stays[kept] = True
        conflicts[kept] = len(kept) > 1 and not all(content[index][deleted] for index in kept)
    return stays, conflicts


def _settle_pauses(rows: pa.Table, bad: np.ndarray) -> np.ndarray:
    """Rule 1 and 3 for pauses: of one start the pause recorded last stays, of those one that can be read, and of those
    the longest."""
    stays, best = np.ones(rows.num_rows, dtype=bool), {}
    for index, row in enumerate(rows.to_pylist()):
        key = (row["subscription_id"], row["paused_from"])
        if None in key:
            continue
        recorded = tuple(NEVER if row[name] is None else row[name] for name in ("_updated_at", "_loaded_at"))
        end = 2**63 if row["paused_to"] is None else row["paused_to"]
        rank = (*recorded, not bad[index], not row["_is_deleted"], end)
        if key in best and best[key][0] >= rank:
            stays[index] = False
        else:
            if key in best:
                stays[best[key][1]] = False
            best[key] = (rank, index)
    return stays


def _breaks_values(rows: pa.Table, table: Table, clock: Clock) -> np.ndarray:
    """Rule 2: a word outside the list, a required value that is null, a time too far ahead."""
    wrong = np.zeros(rows.num_rows, dtype=bool)
    for column in table.columns:
        values = rows.column(column.name)
        if column.required:
            wrong |= _mask(pc.is_null(values))
        if column.accepted:
            wrong |= _mask(pc.and_not(pc.is_valid(values), pc.is_in(values, pa.array(column.accepted))))
        if column.data_type == "timestamp" and not column.is_end:
            moments, there = instants(values)
            wrong |= there & (clock.local_days(moments) > clock.as_of + FARTHEST_DAYS)
        if column.data_type == "date" and not column.is_end:
            wrong |= _mask(pc.greater(values.cast(pa.int32()), clock.as_of + FARTHEST_DAYS))
    return wrong


def never_started(subscriptions: pa.Table) -> pa.Array:
    """Say which subscriptions were cancelled before their start: orders withdrawn before the first day."""
    ends_early = pc.less(subscriptions.column("ended_at"), subscriptions.column("started_at"))
    return pc.fill_null(pc.and_(pc.equal(subscriptions.column("status"), "canceled"), ends_early), False)


def _breaks_ranges(rows: pa.Table, table: Table, seeds: Seeds, accepted: Accepted) -> np.ndarray:
    """Rule 4: what cannot be, whatever else stands in the tables."""
    wrong = np.zeros(rows.num_rows, dtype=bool)
    known_currencies = pa.array(list(seeds.currency_digits))
    for column in table.columns:
        values = rows.column(column.name)
        is_number = column.data_type == "bigint" or column.data_type.startswith("decimal")
        if is_number and not column.is_signed:
            zero = Decimal(0) if pa.types.is_decimal(values.type) else 0
            wrong |= _mask(pc.less(values, pa.scalar(zero, values.type)))
        if column.is_currency:
            wrong |= _mask(pc.and_not(pc.is_valid(values), pc.is_in(values, known_currencies)))
        if column.name == "rate":
            wrong |= _mask(pc.equal(values, pa.scalar(Decimal(0), values.type)))
        if column.name == "period":
            wrong |= _mask(pc.not_equal(pc.day(values), 1))
    if table.name in RANGES:
        start, end = (rows.column(name) for name in RANGES[table.name])
        is_backwards = pc.less(end, start)
        if table.name == "subscriptions":
            is_backwards = pc.and_not(is_backwards, never_started(rows))
        if table.name == "subscription_item_versions":
            orders = accepted["subscriptions"]
            withdrawn = orders.filter(never_started(orders)).column("subscription_id").combine_chunks()
            is_backwards = pc.and_not(is_backwards, pc.is_in(rows.column("subscription_id"), withdrawn))
        wrong |= _mask(is_backwards)
    if table.name == "subscriptions":
        wrong |= _mask(pc.and_(pc.equal(rows.column("status"), "canceled"), pc.is_null(rows.column("ended_at"))))
    if table.name == "subscription_item_versions":
        wrong |= _mask(pc.less(rows.column("interval_count"), 1))
        # A quantity of 18 digits times a price of 26 has more than 38.
        line = pc.multiply(*(rows.column(name).cast(pa.decimal256(36, 12)) for name in ("quantity", "unit_amount")))
        above = pc.greater(rows.column("discount_amount").cast(line.type), line)
        wrong |= _mask(pc.and_(pc.equal(rows.column("discount_kind"), "recurring"), above))
        wrong |= _mask(pc.greater(line, pa.scalar(LARGEST_LINE, line.type)))
        wrong |= _mask(pc.greater(rows.column("interval_count"), MOST_INTERVALS))
    if table.name == "unit_economics":
        margin = rows.column("gross_margin_rate")
        wrong |= _mask(pc.greater(margin, pa.scalar(Decimal(1), margin.type)))
    if table.name == "survey_responses":
        score, low, high = (rows.column(name) for name in ("score", "scale_min", "scale_max"))
        wrong |= _mask(pc.or_(pc.less(score, low), pc.greater(score, high)))
        for survey_type, (lowest, highest) in SCALES.items():
            same_scale = pc.and_(pc.equal(low, lowest), pc.equal(high, highest))
            wrong |= _mask(pc.and_not(pc.equal(rows.column("survey_type"), survey_type), same_scale))
    return wrong


def _breaks_references(rows: pa.Table, table: Table, accepted: Accepted) -> np.ndarray:
    """Rule 5: a row that names something that is not there."""
    wrong = np.zeros(rows.num_rows, dtype=bool)
    for column in table.columns:
        if column.references:
            known = accepted[column.references].column(contract()[column.references].key[0])
            wrong |= ~_mask(pc.is_in(rows.column(column.name), known.combine_chunks()))
    if table.name == "accounts":
        wrong |= _breaks_hierarchy(rows)
    if table.name == "subscription_item_versions":
        wrong |= _begins_too_early(rows, accepted["subscriptions"])
    return wrong


def _begins_too_early(versions: pa.Table, subscriptions: pa.Table) -> np.ndarray:
    """A version whose service would begin before the earliest time: once it and its subscription are there."""
    began = dict(
        zip(*(subscriptions.column(name).to_pylist() for name in ("subscription_id", "started_at")), strict=True)
    )
    starts, _ = instants(versions.column("valid_from"))
    owners = versions.column("subscription_id").to_pylist()
    return np.array(
        [max(int(start), began.get(owner, NEVER)) < EARLIEST for start, owner in zip(starts, owners, strict=True)],
        dtype=bool,
    )


def _breaks_hierarchy(accounts: pa.Table) -> np.ndarray:
    """Rule 5 for parents: an account whose way up ends at no root, because a parent is unknown or the way is a ring."""
    ids = accounts.column("account_id").to_pylist()
    parents = dict(zip(ids, accounts.column("parent_account_id").to_pylist(), strict=True))
    reaches_root: dict[str, bool] = {}
    for account in ids:
        way, current = [], account
        while current is not None and current in parents and current not in reaches_root and current not in way:
            way.append(current)
            current = parents[current]
        outcome = current is None or reaches_root.get(current, False)
        reaches_root.update(dict.fromkeys(way, outcome))
    return np.array([not reaches_root[account] for account in ids], dtype=bool)


def _overlapping(versions: pa.Table, *owner: str) -> np.ndarray:
    """Rule 6: every version that shares an instant with another version of its owner."""
    wrong = np.zeros(versions.num_rows, dtype=bool)
    by_item = defaultdict(list)
    names = (*owner, "valid_from", "valid_to")
    for index, (*item, start, end) in enumerate(zip(*(versions.column(n).to_pylist() for n in names), strict=True)):
        by_item[tuple(item)].append((start, 2**63 if end is None else end, index))
    for spans in by_item.values():
        spans = sorted(span for span in spans if span[0] < span[1])
        reach, holder = NEVER, -1
        for start, end, index in spans:
            if start < reach:
                wrong[[index, holder]] = True
            # A span that a longer one covers overlaps that one, so that comparing with the longest is enough.
            if end > reach:
                reach, holder = end, index
    return wrong


def _in_a_ring(parents: pa.Table) -> np.ndarray:
    """Say of every period whether the way up from it, at some instant of it, comes back to its account."""
    names = ("account_id", "parent_account_id", "valid_from", "valid_to")
    periods = [
        (child, parent, start, 2**63 if end is None else end)
        for child, parent, start, end in zip(*(parents.column(name).to_pylist() for name in names), strict=True)
    ]
    by_child = defaultdict(list)
    for child, parent, start, end in periods:
        if start < end:
            by_child[child].append((parent, start, end))

    def comes_back(account: str, ways: list[tuple[str, int, int]], seen: frozenset[str]) -> bool:
        for above, start, end in ways:
            if above == account:
                return True
            if above in seen:
                continue
            further = [(up, max(start, low), min(end, high)) for up, low, high in by_child.get(above, ())]
            if comes_back(account, [way for way in further if way[1] < way[2]], seen | {above}):
                return True
        return False

    rings = (
        start < end and comes_back(child, [(parent, start, end)], frozenset()) for child, parent, start, end in periods
    )
    return np.fromiter(rings, dtype=bool)


def accept(
    folder: Path,
    clock: Clock,
    seeds: Seeds,
    withheld: Withheld,
    names: Collection[str] = TABLES,
    accepted: Accepted | None = None,
) -> Accepted:
    """Read raw tables and keep the rows that every rule lets through; those accepted before are given along.

    Nothing is left of a table that is withheld.
    """
    accepted = dict(accepted or {})
    for name in names:
        rows, bad = read(folder, name, clock)
        kept = accept_rows(rows, bad, contract()[name], clock, seeds, accepted)
        if withheld.may_be(rows.num_rows, kept.num_rows, name):
            key = contract()[name].key
            rejected = rejected_rows(rows, key, *_settle_keys(rows, bad, key), kept.num_rows)
            if withheld.note(name, rows.num_rows, rejected, kept.num_rows):
                kept = kept.slice(0, 0)
        accepted[name] = kept
    return accepted


def accept_rows(
    rows: pa.Table, bad: np.ndarray, table: Table, clock: Clock, seeds: Seeds, accepted: Accepted
) -> pa.Table:
    """Keep the rows of a table that every rule lets through."""
    if table.name == "subscription_item_versions":
        # Not known yet: as if the row were not there at all.
        recorded, there = instants(rows.column("recorded_at"))
        known = ~(there & (clock.local_days(recorded) > clock.as_of))
        rows, bad = rows.filter(pa.array(known)), bad[known]
    if table.name == "subscription_pauses":
        stays = _settle_pauses(rows, bad)
        return sound_rows(rows, ~stays | bad, table, clock, seeds, accepted)
    stays, conflicts = _settle_keys(rows, bad, table.key)
    rows = sound_rows(rows, ~stays | conflicts | bad, table, clock, seeds, accepted)
    if table.name == "subscription_item_versions":
        # Of versions that overlap the one recorded later counts: see the ledger. Nothing orders those of one time.
        rows = rows.filter(pa.array(~_overlapping(rows, "subscription_item_id", "recorded_at")))
    if table.name == "account_parents":
        rows = rows.filter(pa.array(~_overlapping(rows, "account_id")))
        rows = rows.filter(pa.array(~_in_a_ring(rows)))
    return rows


def sound_rows(
    rows: pa.Table, wrong: np.ndarray, table: Table, clock: Clock, seeds: Seeds, accepted: Accepted
) -> pa.Table:
    """Keep the rows that break no rule which looks at a row alone; `wrong` marks those that are out before."""
    wrong = wrong | _mask(rows.column("_is_deleted"))
    wrong |= _breaks_values(rows, table, clock) | _breaks_ranges(rows, table, seeds, accepted)
    rows = rows.filter(pa.array(~wrong))
    return rows.filter(pa.array(~_breaks_references(rows, table, accepted)))
