"""When a customer began to pay, and when it first stopped."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from orchestration.recompute.clock import FAR, first_day, month_of
from orchestration.recompute.ledger import FOREVER, Ledger, Pause, Span


class Life(NamedTuple):
    """Local days of a customer's start and first zero; FAR when the zero has not come by the as-of date."""

    start_day: int
    first_zero_day: int


def without_pauses(start: int, end: int, pauses: list[Pause]) -> list[tuple[int, int]]:
    """Cut a time by pauses."""
    pieces = [(start, end)]
    for pause in pauses:
        cut = []
        for low, high in pieces:
            cut += [(low, min(high, pause.start)), (max(low, pause.end), high)]
        pieces = [(low, high) for low, high in cut if low < high]
    return pieces


def paid_times(ledger: Ledger, span: Span) -> list[tuple[int, int]]:
    """Give the times in which an item is worth anything, looked at month by month, since each has its plan rate."""
    clock, first = ledger.clock, month_of(span.start_day)
    last = clock.as_of_month if span.end == FOREVER else month_of(span.end_day)
    paying = [month for month in range(first, last + 1) if ledger.pays(span, month)]
    if len(paying) == last + 1 - first:
        return [(span.start, span.end)]
    times = []
    for month in paying:
        begins = span.start if month == first else clock.start_of(first_day(month))
        ends = span.end if month == last else clock.start_of(first_day(month + 1))
        if times and times[-1][1] == begins:
            times[-1] = (times[-1][0], ends)
        elif begins < ends:
            times.append((begins, ends))
    return times


def lives(ledger: Ledger) -> dict[str, Life]:
    """Give the life of every customer that ever had MRR by the as-of date."""
    paid, clock = defaultdict(list), ledger.clock
    for span in ledger.spans:
        pauses = ledger.pauses.get(span.terms.subscription_id, [])
        for start, end in paid_times(ledger, span):
            paid[span.terms.customer_id] += without_pauses(start, end, pauses)
    found = {}
    for customer_id, pieces in paid.items():
        pieces = sorted(piece for piece in pieces if clock.local_day(piece[0]) <= clock.as_of)
        if not pieces:
            continue
        start, reach = pieces[0]
        for low, high in pieces:
            if low > reach:
                break
            reach = max(reach, high)
        zero_day = FAR if reach == FOREVER else clock.local_day(reach)
        found[customer_id] = Life(clock.local_day(start), zero_day if zero_day <= clock.as_of else FAR)
    return found
