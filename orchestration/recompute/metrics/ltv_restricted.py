"""ARPA x gross margin x restricted mean survival of customers (Kaplan-Meier)."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction

from orchestration.recompute.metrics._lifetime import YEAR
from orchestration.recompute.metrics.ltv import gross_margin
from orchestration.recompute.rows import TOTAL, Row, quotient
from orchestration.recompute.world import World


def _lives(world: World) -> dict[str, tuple[int, int | None]]:
    """Give the first month with MRR of every customer, and the first one after it without."""
    found: dict[str, tuple[int, int | None]] = {}
    for row in world.account_months:
        first, lost = found.setdefault(row.customer_id, (row.month, None))
        if lost is None and row.closing == 0:
            found[row.customer_id] = (first, row.month)
    return found


def restricted_mean(times: Counter[tuple[int, bool]], horizon: int) -> Fraction:
    """Give the area under the survival curve up to a horizon; a time is an age and whether life ended there.

    An age that nobody has reached adds nothing: where observation ends, so does the area.
    """
    leaving, ended = Counter(), Counter()
    for (age, is_end), count in times.items():
        leaving[age] += count
        ended[age] += count if is_end else 0
    curve, area, at_risk, age = Fraction(1), Fraction(0), times.total(), 0
    while age < horizon and at_risk:
        curve *= 1 - Fraction(ended[age], at_risk)
        area += curve
        at_risk -= leaving[age]
        age += 1
    return area


def _times(world: World) -> dict[tuple[int, str, str], Counter[tuple[int, bool]]]:
    """Count the lives of every month and segment by age and end; segments are those of the month a life began in."""
    lives = Counter(
        (world.segments.of(customer_id, first), first, lost) for customer_id, (first, lost) in _lives(world).items()
    )
    found = defaultdict(Counter)
    for (segments, first, lost), count in lives.items():
        for month in range(first, world.months[-1] + 1):
            time = (lost - first, True) if lost is not None and lost <= month else (month - first, False)
            for segment in ((TOTAL, TOTAL), *zip(segments._fields, segments, strict=True)):
                found[month, *segment][time] += count
    return found


def compute(world: World) -> Iterator[Row]:
    """Give the metric by month and segment."""
    cap, fewest = world.seeds.whole("ltv_cap_months"), world.seeds.whole("ltv_minimum_customers")
    times, margins = _times(world), {month: gross_margin(world, month) for month in world.months}
    for month, segment_type, segment_value, sums in world.revenue_cells:
        value, null_reason, margin = None, None, margins[month]
        observed = times.get((month, segment_type, segment_value), Counter())
        if month - YEAR < world.months[0]:
            null_reason = "insufficient_history"
        elif sums.customers < fewest:
            null_reason = "too_few_customers"
        elif observed.total() < fewest:
            null_reason = "too_few_lives"
        elif margin is None:
            null_reason = world.withheld("unit_economics") or "no_gross_margin"
        else:
            value = quotient(world.money(sums.mrr) * restricted_mean(observed, cap) * margin, sums.customers)
        yield Row(month, segment_type, segment_value, None, None, value, sums.customers, null_reason)
