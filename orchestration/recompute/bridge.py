"""From the roll-forward of twelve months to the MRR now of those who had MRR at their start, line by line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from orchestration.recompute.movements import AccountMonth
from orchestration.recompute.rows import Cell, Tally
from orchestration.recompute.world import World

YEAR = 12


class Bridge(NamedTuple):
    """The lines, in minor units; the memo takes the opening to the rates of the window's last month."""

    opening_mrr: int
    expansion_mrr: int
    contraction_mrr: int
    churned_mrr: int
    outside_expansion_mrr: int
    outside_contraction_mrr: int
    outside_churned_mrr: int
    cohort_reactivation_mrr: int
    cohort_fx_mrr: int
    cohort_closing_mrr: int
    opening_revaluation_mrr: int


def bridge(world: World) -> Iterator[Cell]:
    """Give the lines of every window and segment."""
    by_customer = defaultdict(dict)
    for row in world.account_months:
        by_customer[row.customer_id][row.month] = row
    tally = Tally(world.months[YEAR:], Bridge)
    for customer_id, rows in by_customer.items():
        for month in rows:
            start = month - YEAR
            if start >= world.months[0]:
                window = [rows[at] for at in range(start + 1, month + 1) if at in rows]
                _add(world, tally, customer_id, month, world.ledger.mrr(customer_id, start), window)
    yield from tally.cells()


def _add(world: World, tally: Tally, customer_id: str, month: int, opening: int, window: list[AccountMonth]) -> None:
    lines = dict.fromkeys(Bridge._fields, 0)
    for line, movement_type in (("expansion", "expansion"), ("contraction", "contraction"), ("churned", "churn")):
        lines[f"{line}_mrr"] = sum(row.amount(movement_type) for row in window)
    if opening:
        lines["opening_mrr"] = opening
        lines["cohort_reactivation_mrr"] = sum(row.amount("reactivation") for row in window)
        lines["cohort_fx_mrr"] = sum(row.fx for row in window)
        lines["cohort_closing_mrr"] = world.ledger.mrr(customer_id, month)
        lines["opening_revaluation_mrr"] = world.ledger.mrr(customer_id, month - YEAR, month) - opening
        segments = world.segments.at_window_start(customer_id, month, YEAR)
    else:
        for line in ("expansion_mrr", "contraction_mrr", "churned_mrr"):
            lines[f"outside_{line}"] = lines[line]
        first = next((row.month for row in window if row.closing), month)
        segments = world.segments.of(customer_id, first)
    tally.add(month, segments, *lines.values())
