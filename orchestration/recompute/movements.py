"""The roll-forward: how every customer's MRR moved in every month, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestration.recompute.items import reasons
from orchestration.recompute.ledger import Ledger
from orchestration.recompute.retention import Kept


@dataclass(frozen=True, slots=True)
class AccountMonth:
    """One customer and month, from its first month with MRR; amounts in minor units."""

    customer_id: str
    month: int
    opening: int
    fx: int
    closing: int
    movement_type: str

    @property
    def moved(self) -> int:
        """Closing less the revalued opening."""
        return self.closing - self.opening - self.fx

    def amount(self, movement_type: str) -> int:
        """Give the size of a movement, 0 when the month's movement is another."""
        return abs(self.moved) if self.movement_type == movement_type else 0


def movement_type(previous: int, current: int, has_paid: bool) -> str:
    """Decide a movement by the truth table."""
    if previous == 0 and current == 0:
        return "none"
    if previous == 0:
        return "reactivation" if has_paid else "new"
    if current == 0:
        return "churn"
    if current == previous:
        return "none"
    return "expansion" if current > previous else "contraction"


def roll_forward(ledger: Ledger, customer_ids: list[str]) -> list[AccountMonth]:
    """Give every customer's months."""
    rows = []
    for customer_id in customer_ids:
        has_paid, opening = False, 0
        for month in ledger.months:
            closing = ledger.mrr(customer_id, month)
            if has_paid or closing:
                previous = ledger.mrr(customer_id, month - 1, month)
                kind = movement_type(previous, closing, has_paid)
                rows.append(AccountMonth(customer_id, month, opening, previous - opening, closing, kind))
            has_paid, opening = has_paid or closing > 0, closing
    return rows


def movement_rows(ledger: Ledger, months: list[AccountMonth]) -> Iterator[tuple[str, int, str, str | None, int]]:
    """Give customer, month, movement, reason and signed amount; the amounts sum to closing less opening."""
    for row in months:
        if row.fx:
            yield row.customer_id, row.month, "fx", None, row.fx
        if row.movement_type in ("expansion", "contraction"):
            for reason, amount in sorted(reasons(ledger, row.customer_id, row.month).items()):
                yield row.customer_id, row.month, row.movement_type, reason, amount
        elif row.moved:
            yield row.customer_id, row.month, row.movement_type, None, row.moved


def sold_more(ledger: Ledger, kept: Kept) -> tuple[int, int]:
    """Give what a customer of a month's opening took more of: seats and tiers, and products of another family.

    Each is 0 where it took less on the whole. Who left took nothing, and where nothing moved there is nothing to split.
    """
    if kept.closing in (0, kept.opening):
        return 0, 0
    parts = reasons(ledger, kept.customer_id, kept.month)
    return max(parts.get("seat", 0) + parts.get("tier", 0), 0), max(parts.get("cross_sell", 0), 0)
