"""Items of two month ends set side by side: why MRR rose or fell, and how much of it is price."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction

from orchestration.recompute.ledger import Holding, Ledger, Terms
from orchestration.recompute.settings import rounded

Pair = tuple[Holding | None, Holding | None]
REMAINDER_ORDER = ("price", "tier", "seat", "discount")


def pair(then: list[Holding], now: list[Holding], *likenesses: Callable[[Terms], object]) -> Iterator[Pair]:
    """Pair holdings by one likeness after another, first with first; what finds no partner stands alone."""
    for likeness in likenesses:
        waiting = defaultdict(list)
        for holding in then:
            waiting[likeness(holding.span.terms)].append(holding)
        then_left, now_left = set(map(id, then)), []
        for holding in now:
            partners = waiting[likeness(holding.span.terms)]
            if partners:
                partner = partners.pop(0)
                then_left.discard(id(partner))
                yield partner, holding
            else:
                now_left.append(holding)
        then, now = [holding for holding in then if id(holding) in then_left], now_left
    yield from ((holding, None) for holding in then)
    yield from ((None, holding) for holding in now)


def reasons(ledger: Ledger, customer_id: str, month: int) -> dict[str, int]:
    """Split the change of a customer's MRR over a month into reasons, at its plan rates, without zeros."""
    then, now = ledger.held(customer_id, month - 1), ledger.held(customer_id, month)
    amounts: dict[str, int] = defaultdict(int)
    pairs = pair(
        then,
        now,
        lambda terms: (terms.item_id, terms.family),
        lambda terms: terms.product_id,
        lambda terms: terms.family,
    )
    for old, new in pairs:
        change = (ledger.worth(new, month) if new else 0) - (ledger.worth(old, month) if old else 0)
        parts: dict[str, int] = {}
        if old and new:
            is_pause = old.is_paused or new.is_paused
            parts = {"pause": change} if is_pause else _parts(ledger, old, new, month, change)
        elif alone := old or new:
            parts = {_reason_alone(alone, now if old else then): change}
        for reason, amount in parts.items():
            amounts[reason] += amount
    return {reason: amount for reason, amount in amounts.items() if amount}


def _reason_alone(holding: Holding, other_side: list[Holding]) -> str:
    """Name the reason of an item that came or went without a partner."""
    terms = holding.span.terms
    if terms.family not in {other.span.terms.family for other in other_side}:
        return "cross_sell"
    return "seat" if terms.product_id in {other.span.terms.product_id for other in other_side} else "tier"


def _parts(ledger: Ledger, old: Holding, new: Holding, month: int, change: int) -> dict[str, int]:
    """Split the change of one matched item; the rounding remainder goes to the first part that is not zero."""
    before, after = old.span.terms, new.span.terms
    if old.span is new.span:
        return {}
    to_minor_before, to_minor_after = _to_minor(ledger, before, month), _to_minor(ledger, after, month)
    unit_before, unit_after = before.unit_amount * to_minor_before, after.unit_amount * to_minor_after
    price_word = "price" if before.product_id == after.product_id else "tier"
    parts = {
        "seat": rounded(unit_before * (after.quantity - before.quantity)),
        price_word: rounded(after.quantity * (unit_after - unit_before)),
        "discount": rounded(before.discount * to_minor_before - after.discount * to_minor_after),
    }
    remainder = change - sum(parts.values())
    receiver = next((reason for reason in REMAINDER_ORDER if parts.get(reason)), price_word)
    parts[receiver] += remainder
    return parts


def _to_minor(ledger: Ledger, terms: Terms, rate_month: int) -> Fraction:
    """Give what one unit of native money per interval is worth a month, in minor units; what is free needs no rate."""
    if not terms.unit_amount:
        return Fraction(0)
    return terms.factor * ledger.rates.at(terms.currency, rate_month) * ledger.minor_units


def price_uplift(ledger: Ledger, customer_id: str, start: int, end: int) -> int:
    """Sum what higher net unit prices added between two month ends, at the plan rates of the later; minor units."""
    then = [holding for holding in ledger.held(customer_id, start) if not holding.is_paused]
    now = [holding for holding in ledger.held(customer_id, end) if not holding.is_paused]
    total = 0
    for old, new in pair(then, now, lambda terms: terms.item_id, lambda terms: terms.product_id):
        if old and new and old.span is not new.span and old.span.terms.product_id == new.span.terms.product_id:
            total += max(0, _uplift(ledger, old.span.terms, new.span.terms, end))
    return total


def _uplift(ledger: Ledger, before: Terms, after: Terms, rate_month: int) -> int:
    if before.quantity == 0 or after.quantity == 0:
        return 0
    digits = 8
    discount_then = Fraction(rounded(before.discount * after.quantity / before.quantity, digits), 10**digits)
    line_then = after.quantity * before.unit_amount - discount_then
    value_then = line_then * _to_minor(ledger, before, rate_month)
    return rounded(after.line * _to_minor(ledger, after, rate_month) - value_then)
