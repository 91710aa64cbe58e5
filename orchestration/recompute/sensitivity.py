"""NRR of everybody under each alternative policy: what the choice of policy is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from math import prod

from orchestration.recompute.ledger import Holding
from orchestration.recompute.rows import TOTAL, Row, quotient
from orchestration.recompute.world import World

YEAR = 12


def sensitivity(world: World) -> Iterator[tuple[str, Row]]:
    """Give policy and total of every month; a row without parts is a product of rates."""
    cohorts, moved = _cohorts(world), _movements(world)
    for policy_key, numerators, denominators in (
        ("headline", cohorts["closing"], cohorts["opening"]),
        ("strict", cohorts["closing_strict"], cohorts["opening"]),
        ("ex_price", cohorts["closing_ex_price"], cohorts["opening"]),
        ("rollforward", _rolled(cohorts["opening"], moved, ()), cohorts["opening"]),
        ("rollforward_with_reactivation", _rolled(cohorts["opening"], moved, ("reactivation",)), cohorts["opening"]),
        ("as_was", _as_was(world, cohorts["closing"]), cohorts["opening"]),
        ("as_reported", *_as_reported(world)),
        ("pauses_kept", *_pauses_kept(world)),
    ):
        for month in world.months:
            above, below = world.money(numerators[month]), world.money(denominators[month])
            is_unrated = policy_key == "as_reported" and cohorts["opening"][month]
            reason = None if below else "no_month_end_rate" if is_unrated else "no_customers"
            yield policy_key, Row(month, TOTAL, TOTAL, above, below, quotient(above, below), 0, reason)
    for policy_key, gains in (("compounded", ()), ("compounded_with_reactivation", ("reactivation",))):
        rates = {month: Fraction(1) + _change(moved, month, gains) for month in world.months if moved["opening", month]}
        for month in world.months:
            year = [rates[at] for at in range(month - YEAR + 1, month + 1) if at in rates]
            value = quotient(prod(year), 1) if len(year) == YEAR else None
            yield (
                policy_key,
                Row(month, TOTAL, TOTAL, None, None, value, 0, "missing_month" if len(year) < YEAR else None),
            )


def _cohorts(world: World) -> dict[str, Counter]:
    """Sum the windows of twelve months by their last month, in minor units."""
    sums = {name: Counter() for name in ("opening", "closing", "closing_strict", "closing_ex_price")}
    for kept in world.yearly_windows:
        sums["opening"][kept.month] += kept.opening
        sums["closing"][kept.month] += kept.closing
        sums["closing_strict"][kept.month] += 0 if kept.has_lapsed else kept.closing
        sums["closing_ex_price"][kept.month] += kept.closing - kept.uplift
    return sums


def _movements(world: World) -> Counter:
    """Sum everybody's movements of every month, by movement; `opening` is revalued."""
    sums = Counter()
    for row in world.account_months:
        sums["opening", row.month] += row.opening + row.fx
        sums[row.movement_type, row.month] += row.amount(row.movement_type)
    return sums


def _gain(moved: Counter, month: int, gains: tuple[str, ...]) -> int:
    gained = sum(moved[movement_type, month] for movement_type in ("expansion", *gains))
    return gained - moved["contraction", month] - moved["churn", month]


def _change(moved: Counter, month: int, gains: tuple[str, ...]) -> Fraction:
    return Fraction(_gain(moved, month, gains), moved["opening", month])


def _rolled(opening: Counter, moved: Counter, gains: tuple[str, ...]) -> Counter:
    """Add everybody's movements of twelve months to the cohort's opening, where there is one."""
    return Counter(
        {
            month: amount + sum(_gain(moved, at, gains) for at in range(month - YEAR + 1, month + 1))
            for month, amount in opening.items()
        }
    )


def _as_was(world: World, closing: Counter) -> Counter:
    """Add what the customers of twelve months ago, by the hierarchy of then, pay more or less than those of today."""
    sums = Counter(closing)
    for change in world.hierarchy_differences:
        if change.window == YEAR:
            sums[change.month] += change.amount
    return sums


def _as_reported(world: World) -> tuple[Counter, Counter]:
    """Compare the two month ends, each at its own month-end rates."""
    closings, openings = Counter(), Counter()
    reported = {(row.customer_id, row.month): row.closing for row in world.reported_months}
    for (customer_id, month), closing in reported.items():
        opening = reported.get((customer_id, month - YEAR), 0)
        if opening:
            closings[month] += closing
            openings[month] += opening
    return closings, openings


def _pauses_kept(world: World) -> tuple[Counter, Counter]:
    """Compare the two month ends with paused items counted at what they would carry."""
    closings, openings = Counter(), Counter()
    for customer_id in world.payers:
        held = {month: holdings for month in world.months if (holdings := world.ledger.held(customer_id, month))}
        for start, then in held.items():
            end = start + YEAR
            if end in world.months and unpaused(world, then, start) > 0 and (opening := unpaused(world, then, end)) > 0:
                openings[end] += opening
                closings[end] += unpaused(world, held.get(end, []), end)
    return closings, openings


def unpaused(world: World, holdings: list[Holding], rate_month: int) -> int:
    """Give what holdings would carry if no pause held, at the plan rates of a month."""
    rates, minor_units = world.ledger.rates, world.ledger.minor_units
    priced = (holding.span for holding in holdings if holding.span.line)
    return sum(span.mrr(rates.at(span.terms.currency, rate_month), minor_units) for span in priced)
