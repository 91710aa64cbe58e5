"""Every invoice line, month by month, and what it is in the walk from invoices to MRR."""

from collections.abc import Iterator

from orchestration.recompute.tables._cells import amount, first_day, money
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every line and month, those before and after the published ones in one row each."""
    for month, share, outcome in world.tie_outs.judged():
        line = share.line
        counts = outcome in ("matched", "unexplained")
        billed = (share.billed, share.billed_at_month_end_rate) if counts else (0, 0)
        yield (
            line.line_id,
            first_day(month),
            line.invoice_id,
            line.customer_id,
            line.item_id,
            line.currency,
            _word(outcome, line.is_proration, billed[1] == share.invoiced),
            amount(share.native),
            money(world, share.invoiced),
            money(world, billed[0]),
            money(world, billed[0] - billed[1]),
            money(world, billed[1] - share.invoiced),
            month in world.months,
        )


def _word(outcome: str, is_proration: bool, is_even: bool) -> str:
    if outcome != "matched":
        return outcome
    if is_proration:
        return "proration"
    return "matched" if is_even else "timing"
