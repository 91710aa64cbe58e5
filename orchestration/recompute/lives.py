"""When a customer began to pay, and when it first stopped."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from orchestration.recompute.clock import FAR, Clock
from orchestration.recompute.ledger import FOREVER, Pause, Span


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


def lives(spans: list[Span], pauses: dict[str, list[Pause]], clock: Clock) -> dict[str, Life]:
    """Give the life of every customer that ever had MRR by the as-of date."""
    paid = defaultdict(list)
    for span in spans:
        if span.line > 0:
            paid[span.terms.customer_id] += without_pauses(
                span.start, span.end, pauses.get(span.terms.subscription_id, [])
            )
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
