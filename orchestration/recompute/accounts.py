"""What the SQL says of every single customer, said again: one value a customer, month and measure, as text."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from orchestration.recompute.clock import FAR, date_of, month_of
from orchestration.recompute.currency import native
from orchestration.recompute.health import SCORE_DIGITS
from orchestration.recompute.metrics.onboarding_completion_rate import is_complete
from orchestration.recompute.sensitivity import unpaused
from orchestration.recompute.settings import decimal_of
from orchestration.recompute.tie_outs import TieOuts
from orchestration.recompute.world import World

Value = tuple[str, int, str, str]


def account_values(world: World) -> Iterator[Value]:
    """Give customer, month, measure and value; what does not apply to a customer has no row."""
    yield from _segments(world)
    yield from _windows(world)
    yield from _hierarchy(world)
    yield from _currencies(world)
    yield from _pauses(world)
    yield from _health(world)
    yield from _usage(world)
    yield from _lives(world)
    yield from _tie_outs(world)
    for customer_id, month, reason, amount in world.restatements:
        yield customer_id, month, f"moved_{reason}", _decimal(amount, world.seeds.minor_units)


@lru_cache(maxsize=1 << 16)
def _decimal(numerator: int, denominator: int) -> str:
    return format(decimal_of(Fraction(numerator, denominator), 4), "f")


def _truth(condition: bool) -> str:
    return "true" if condition else "false"


def _segments(world: World) -> Iterator[Value]:
    """Plan and size of customers with MRR at a month's start or end."""
    for row in world.account_months:
        if row.opening or row.closing:
            segments = world.segments.of(row.customer_id, row.month)
            yield row.customer_id, row.month, "plan_tier", segments.plan_tier
            yield row.customer_id, row.month, "size_band", segments.size_band


def _windows(world: World) -> Iterator[Value]:
    minor_units = world.seeds.minor_units
    for kept in world.yearly_windows:
        key = (kept.customer_id, kept.month)
        yield *key, "opening_mrr_12_months", _decimal(kept.opening, minor_units)
        yield *key, "closing_mrr_12_months", _decimal(kept.closing, minor_units)
        yield *key, "price_uplift_mrr_12_months", _decimal(kept.uplift, minor_units)
        yield *key, "has_lapsed_12_months", _truth(kept.has_lapsed)
    for kept in world.monthly_windows:
        yield kept.customer_id, kept.month, "opening_mrr_1_month", _decimal(kept.opening, minor_units)


def _hierarchy(world: World) -> Iterator[Value]:
    """Retention by the hierarchy of a window's start, where it differs from today's."""
    closings = {
        (kept.customer_id, kept.month, months): kept.closing
        for months, windows in ((1, world.monthly_windows), (12, world.yearly_windows))
        for kept in windows
    }
    for customer_id, month, months, amount, cause in world.hierarchy_differences:
        name = f"{months}_month{'s' if months > 1 else ''}"
        closing = closings.get((customer_id, month, months), 0) + amount
        yield customer_id, month, f"as_was_closing_mrr_{name}", _decimal(closing, world.seeds.minor_units)
        yield customer_id, month, f"hierarchy_cause_{name}", cause


def _currencies(world: World) -> Iterator[Value]:
    """Movements as reported, in the months that have any, and MRR in other currencies' own money."""
    for row in world.reported_months:
        if row.opening != row.closing or row.fx:
            amounts = {"opening": row.opening, "fx": row.fx, "closing": row.closing, "churned": row.amount("churn")}
            amounts |= {kind: row.amount(kind) for kind in ("new", "reactivation", "expansion", "contraction")}
            for name, amount in amounts.items():
                yield row.customer_id, row.month, f"as_reported_{name}_mrr", _decimal(amount, world.seeds.minor_units)
    for (customer_id, month, currency), amount in native(world).items():
        if currency != world.settings.currency:
            text = _decimal(amount, world.seeds.minor_units_of(currency))
            yield customer_id, month, f"native_mrr_{currency}", text


def _pauses(world: World) -> Iterator[Value]:
    """What customers with a paused item would carry if no pause held."""
    for customer_id in world.customers:
        for month in world.months:
            holdings = world.ledger.held(customer_id, month)
            amount = unpaused(world, holdings, month) if any(holding.is_paused for holding in holdings) else 0
            if amount:
                yield customer_id, month, "unpaused_mrr", _decimal(amount, world.seeds.minor_units)


def _health(world: World) -> Iterator[Value]:
    for health in world.health:
        key = (health.customer_id, health.month)
        if health.score is not None:
            yield *key, "health_score", _decimal(health.score, 10**SCORE_DIGITS)
        yield *key, "health_tier", health.tier
        yield *key, "health_coverage", _decimal(health.coverage.numerator, health.coverage.denominator)
        if health.red_flag is not None:
            yield *key, "health_red_flag", health.red_flag
        for language, text in health.drivers.items():
            if text is not None:
                yield *key, f"health_drivers_{language}", text


def _usage(world: World) -> Iterator[Value]:
    """Days with a core event, of customers with MRR at a month's end, where the feed ran."""
    days = world.seeds.whole("active_window_days")
    for month in world.months:
        day = world.clock.end_of(month)
        if world.usage.feed_ran(day - days + 1, day):
            core_days = world.usage.core_days(day - days + 1, day)
            for customer_id in world.paying(month):
                yield customer_id, month, "active_days", str(core_days.get(customer_id, 0))


def _lives(world: World) -> Iterator[Value]:
    """Start, first zero and onboarding, all in the month of the start."""
    onboarding_days = world.seeds.whole("onboarding_days")
    for customer_id, life in world.lives.items():
        key = (customer_id, month_of(life.start_day))
        yield *key, "started_on", date_of(life.start_day).isoformat()
        if life.first_zero_day != FAR:
            yield *key, "first_zero_on", date_of(life.first_zero_day).isoformat()
        deadline = life.start_day + onboarding_days
        if customer_id in world.milestones.required and deadline <= world.clock.as_of:
            yield *key, "is_onboarding_completed", _truth(is_complete(world, customer_id, deadline))


def _tie_outs(world: World) -> Iterator[Value]:
    """The walk from invoices to MRR, and MRR of every day of a month."""
    tie_outs, minor_units = TieOuts(world), world.seeds.minor_units
    tie_outs.require_ledger_rates()
    # A sample does not know the first month of the company: it says nothing of months before a customer's own first.
    known = {(row.customer_id, row.month) for row in world.account_months} if world.is_sample else None
    for (customer_id, month), walk in tie_outs.classes().items():
        for name, amount in walk.items():
            if amount and (known is None or (customer_id, month) in known):
                yield customer_id, month, f"tie_out_{name}", _decimal(amount, minor_units)
    for (customer_id, month), amount in tie_outs.day_weighted().items():
        if known is None or (customer_id, month) in known:
            yield customer_id, month, "day_weighted_mrr", _decimal(amount, minor_units)
