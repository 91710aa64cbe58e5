"""Windows: customers with MRR at a window's start, and what became of them at its end."""

from __future__ import annotations

from dataclasses import dataclass

from orchestration.recompute.items import price_uplift
from orchestration.recompute.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Kept:
    """One customer of a window's cohort; amounts in minor units at the plan rates of the window's last month."""

    customer_id: str
    month: int
    opening: int
    closing: int
    has_lapsed: bool
    uplift: int

    @property
    def retained(self) -> int:
        """The smaller of then and now."""
        return min(self.opening, self.closing)


def cohort(ledger: Ledger, customer_ids: list[str], months: int) -> list[Kept]:
    """Give the cohort of every window of so many months; price uplift only for the yearly one, which alone uses it."""
    rows = []
    for customer_id in customer_ids:
        for month in ledger.months:
            start = month - months
            opening = ledger.mrr(customer_id, start, month)
            if opening <= 0 or ledger.mrr(customer_id, start) <= 0:
                continue
            closing = ledger.mrr(customer_id, month)
            has_lapsed = any(ledger.mrr(customer_id, between) == 0 for between in range(start + 1, month))
            uplift = price_uplift(ledger, customer_id, start, month) if months > 1 and closing else 0
            rows.append(Kept(customer_id, month, opening, closing, has_lapsed, uplift))
    return rows
