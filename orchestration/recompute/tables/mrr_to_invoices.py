"""The walk from the invoices of every customer and month to its MRR, and everybody's."""

from collections import defaultdict
from collections.abc import Iterator

from orchestration.recompute.tables._cells import first_day, money
from orchestration.recompute.world import World

CLASSES = (
    "invoiced",
    "timing",
    "proration",
    "one_off",
    "usage",
    "credit_note",
    "billed_without_contract",
    "unbilled",
    "fx",
    "manual_adjustment",
    "unexplained",
    "mrr",
)


def rows(world: World) -> Iterator[tuple]:
    """Give every class that is not 0 of every customer and month, and all twelve of everybody."""
    notes, sums, sizes = world.tie_outs.explanations(), defaultdict(int), defaultdict(int)
    bounds = {month: world.tie_outs.tolerance("mrr_to_invoices", world.mrr_of(month)) for month in world.months}

    def row(customer_id: str, month: int, name: str, amount: int, size: int, note: str | None, total: bool) -> tuple:
        is_breach = name == "unexplained" and size > bounds[month]
        severity = ("error" if month in world.closed.months else "warn") if is_breach else None
        amounts = (money(world, value) for value in (amount, size, bounds[month]))
        return first_day(month), total, customer_id, name, severity, note, *amounts, is_breach

    for (customer_id, month), walk in world.tie_outs.classes().items():
        for name, amount in walk.items():
            if amount:
                sums[month, name] += amount
                sizes[month, name] += abs(amount)
                note = notes.get((customer_id, month)) if name in ("manual_adjustment", "unexplained") else None
                yield row(customer_id, month, name, amount, abs(amount), note, total=False)
    for month in world.months if not world.is_sample else ():
        for name in CLASSES:
            yield row("total", month, name, sums[month, name], sizes[month, name], None, total=True)
