"""The segments a customer stood in, month by month."""

from __future__ import annotations

from typing import NamedTuple

from orchestration.recompute.customers import Customer
from orchestration.recompute.ledger import Ledger
from orchestration.recompute.settings import Seeds

UNKNOWN = "unknown"


class Segments(NamedTuple):
    """One value of every segment type."""

    plan_tier: str
    size_band: str
    industry: str
    country: str


class SegmentBook:
    """Looks a customer's segments up by month."""

    def __init__(self, ledger: Ledger, customers: dict[str, Customer], seeds: Seeds) -> None:
        """Look nothing up yet."""
        self._ledger, self._customers = ledger, customers
        self._bands = [(lower * seeds.minor_units, name) for lower, name in reversed(seeds.size_bands)]
        self._known: dict[tuple[str, int], Segments] = {}

    def of(self, customer_id: str, month: int) -> Segments:
        """Give the segments at a month's start, those at its end for a customer without MRR at its start."""
        key = (customer_id, month)
        if key not in self._known:
            customer = self._customers[customer_id]
            read_at = next((at for at in (month - 1, month) if self._has_mrr(customer_id, at)), None)
            plan = UNKNOWN if read_at is None else self._plan(customer_id, read_at)
            size = UNKNOWN if read_at is None else self._band(customer_id, read_at)
            self._known[key] = Segments(plan, size, customer.industry, customer.country)
        return self._known[key]

    def at_window_start(self, customer_id: str, end: int, months: int) -> Segments:
        """Give the segments at the start of a window of so many months that ends with a month."""
        return self.of(customer_id, end - months + 1)

    def _has_mrr(self, customer_id: str, month: int) -> bool:
        return month in self._ledger.months and self._ledger.mrr(customer_id, month) > 0

    def _plan(self, customer_id: str, month: int) -> str:
        """Give the tier rank of the item with the largest MRR, of equal items the highest."""
        held = self._ledger.held(customer_id, month)
        return str(max((self._ledger.worth(holding, month), holding.span.terms.tier_rank) for holding in held)[1])

    def _band(self, customer_id: str, month: int) -> str:
        mrr = self._ledger.mrr(customer_id, month)
        return next((name for lower, name in self._bands if lower <= mrr), UNKNOWN)
