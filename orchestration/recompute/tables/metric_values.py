"""Every metric by month and segment, and what was locked of it."""

from collections.abc import Iterator

from orchestration.recompute.clock import day_of, month_of
from orchestration.recompute.metrics import METRIC_KEYS
from orchestration.recompute.tables._cells import amount, first_day
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every metric, month and segment; also what was locked where nobody stands any more."""
    locked = {
        (row["metric_key"], month_of(day_of(row["month"])), row["segment_type"], row["segment_value"]): row
        for row in world.closed.rows("metric_values")
    }
    locked_metrics = {key[:2] for key in locked}
    policy = world.seeds.text("policy_version")
    for metric_key in METRIC_KEYS:
        for row in world.rows(metric_key):
            closed = locked.pop((metric_key, row.month, row.segment_type, row.segment_value), None)
            closed_value, headline = None, (row.value, row.null_reason)
            if (metric_key, row.month) in locked_metrics:
                headline = None, "not_locked"
            if closed is not None:
                closed_value, headline = closed["closed_value"], (closed["closed_value"], closed["null_reason"])
            yield (
                metric_key,
                first_day(row.month),
                row.segment_type,
                row.segment_value,
                None if row.numerator is None else amount(row.numerator),
                None if row.denominator is None else amount(row.denominator),
                row.value,
                row.sample_size,
                row.null_reason,
                closed_value,
                *headline,
                world.clock.is_complete(row.month),
                row.month in world.closed.months,
                policy,
            )
    for (metric_key, month, segment_type, segment_value), closed in locked.items():
        # A month before the first that has MRR today is over all the same.
        is_complete = month not in world.months or world.clock.is_complete(month)
        shown = closed["closed_value"], closed["closed_value"], closed["null_reason"]
        figure = None, None, None, 0, "closed_only", *shown
        yield metric_key, first_day(month), segment_type, segment_value, *figure, is_complete, True, policy
