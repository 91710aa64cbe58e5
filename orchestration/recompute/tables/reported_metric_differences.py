"""What finance has reported beside what is published."""

from collections import defaultdict
from collections.abc import Iterator

from orchestration.recompute.clock import day_of, month_of
from orchestration.recompute.contract import recomputed_contract
from orchestration.recompute.rows import TOTAL
from orchestration.recompute.tables import metric_values
from orchestration.recompute.tables._cells import amount
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every figure and month that was reported by the as-of date; the latest report counts."""
    published = {}
    for row in metric_values.rows(world):
        shown = dict(zip(recomputed_contract()["metric_values"].columns, row, strict=True))
        if shown["segment_type"] == TOTAL:
            key = shown["metric_key"], shown["month"]
            published[key] = shown["headline_value"], shown["headline_null_reason"]
    reports = defaultdict(list)
    for row in world.everybodys["reported_metrics"].to_pylist():
        if world.clock.local_day(row["reported_at"]) <= world.clock.as_of:
            reports[row["metric_key"], day_of(row["period"])].append(row)
    _, bound = world.seeds.tolerance("reported_metrics")
    for (metric_key, on), found in reports.items():
        latest = max(found, key=lambda row: row["reported_at"])
        value, null_reason = published.get((metric_key, on), (None, None))
        difference = None if value is None else value - latest["value"]
        is_published = (metric_key, on) in published
        is_breach = is_published and (difference is None or abs(difference) > bound)
        is_closed = is_published and month_of(on) in world.closed.months
        yield (
            metric_key,
            on,
            ("error" if is_closed else "warn") if is_breach else None,
            latest["reported_by"],
            null_reason,
            value,
            latest["value"],
            difference,
            amount(bound, 10),
            len(found),
            is_published,
            is_breach,
            latest["reported_at"],
        )
