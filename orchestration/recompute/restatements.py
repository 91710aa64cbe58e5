"""Closed months held against the ledger: whose MRR is another one today than was locked, and why.

Reads the store of closed months by itself, row by row; what it finds must be what the SQL finds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import pyarrow.parquet as pq

from orchestration.recompute import ledger, sample
from orchestration.recompute.closed import Close
from orchestration.recompute.ledger import FOREVER, Holding, Ledger, Rates, Span

if TYPE_CHECKING:
    from orchestration.recompute.world import World

MICROSECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Change(NamedTuple):
    """What an item moves in a customer's closed month, in minor units, and why."""

    customer_id: str
    close: Close
    item_id: str
    version_id: str
    reason: str
    amount: int


class Restated(NamedTuple):
    """What a reason moves in a customer's closed month, in minor units, and what was locked and is live."""

    customer_id: str
    close: Close
    reason: str
    item_count: int
    locked: int
    live: int
    amount: int


class Live(NamedTuple):
    """An item in force at a month end, as it is known today."""

    customer_id: str
    holding: Holding
    mrr: int


class Restatements:
    """Finds the differences of every closed month."""

    def __init__(self, world: World) -> None:
        """Read what was locked."""
        self.world, self.clock, self.closes = world, world.clock, world.closed.closes
        self.locked = {
            close: {
                row["subscription_item_id"]: row
                for row in pq.read_table(close.folder / "item_months.parquet").to_pylist()
            }
            for close in self.closes
        }
        self.first_known: dict[str, tuple[int, int | None]] = {}
        for file in sorted(world.closed.folder.glob("[0-9]*/item_versions.parquet")) if world.closed.folder else ():
            for row in pq.read_table(file).to_pylist():
                begun = (int(file.parent.name[:5]), _instant(row["service_from_at"]))
                self.first_known.setdefault(row["item_version_id"], begun)
        self.policy_version = world.seeds.text("policy_version")

    @cached_property
    def items(self) -> list[Change]:
        """Every item that moves a customer's closed month."""
        return [
            change
            for close in self.closes
            for change in self._item_changes(close)
            if change.amount and self._is_asked(change.customer_id)
        ]

    def accounts(self) -> Iterator[Restated]:
        """Give customer, closed month and reason; what the items leave over has no cause that is known."""
        for close in self.closes:
            sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
            balances = self._balances(close)
            for customer_id, (locked, live) in balances.items():
                sums[customer_id, "unexplained"][0] += live - locked
            for change in self.items:
                if change.close is close:
                    explained = sums[change.customer_id, change.reason]
                    explained[0], explained[1] = explained[0] + change.amount, explained[1] + 1
                    sums[change.customer_id, "unexplained"][0] -= change.amount
            for (customer_id, reason), (amount, count) in sums.items():
                if amount and self._is_asked(customer_id):
                    locked, live = balances[customer_id]
                    yield Restated(customer_id, close, reason, count, locked, live, amount)

    def _is_asked(self, customer_id: str) -> bool:
        return customer_id in self.world.customers or not self.world.is_sample

    def _balances(self, close: Close) -> dict[str, list[int]]:
        """Give what was locked and what is live of everybody in a closed month."""
        found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for row in pq.read_table(close.folder / "account_months.parquet").to_pylist():
            found[row["account_id"]][0] += self._minor(row["closing_mrr"])
        for customer_id in self.world.payers:
            found[customer_id][1] += self.world.ledger.mrr(customer_id, close.month)
        return found

    def _item_changes(self, close: Close) -> Iterator[Change]:
        locked_items, live_items = self.locked[close], self._live(close.month)
        for item_id in locked_items.keys() | live_items.keys():
            locked, live = locked_items.get(item_id), live_items.get(item_id)
            was = self._minor(locked["mrr"]) if locked else 0
            now = live.mrr if live else 0
            version_id = live.holding.span.terms.version_id if live else (locked or {})["item_version_id"]
            if locked and live and locked["account_id"] != live.customer_id:
                yield Change(locked["account_id"], close, item_id, version_id, "hierarchy", -was)
                yield Change(live.customer_id, close, item_id, version_id, "hierarchy", was)
            if was != now:
                customer_id = live.customer_id if live else (locked or {})["account_id"]
                yield Change(customer_id, close, item_id, version_id, self._reason(close, locked, live), now - was)

    def _reason(self, close: Close, locked: dict | None, live: Live | None) -> str:
        has_new_policy = close.policy_version != self.policy_version
        if locked is None:
            if live is None:
                return "unexplained"
            terms = live.holding.span.terms
            began, ends = self._piece(terms.version_id, close.month)
            if self.clock.local_day(ends) <= self.clock.end_of(close.month):
                _, renewal = self._replaced[terms.subscription_id]
                return "policy" if has_new_policy and self.clock.local_day(renewal) <= close.as_of else "late_data"
            knew, start = self.first_known.get(terms.version_id, (None, None))
            is_late = knew is None or (knew > close.number and start == began)
            return "late_data" if is_late else "backdated_change"
        version = self._versions.get(locked["item_version_id"])
        if version is None:
            return "correction" if live else "deletion"
        product = self._products[version["product_id"]]
        if self._owners[version["subscription_id"]] not in self.world.everybodys_root:
            return "hierarchy"
        if not product["is_recurring"] or product["is_metered"]:
            return "correction"
        changed = self._change_of_terms(close, locked, live) if live else self._change_of_time(locked, version)
        if changed or has_new_policy:
            return changed or "policy"
        return "unexplained" if live or locked["renewed_on"] is None else "backdated_change"

    def _change_of_terms(self, close: Close, locked: dict, live: Live) -> str | None:
        """Say what is another thing of an item that is in force then and now."""
        terms = live.holding.span.terms
        if terms.version_id != locked["item_version_id"] or live.holding.is_paused != locked["is_paused"]:
            return "backdated_change"
        today = self._versions[terms.version_id]
        inputs = ("product_id", "billing_interval", "currency", "interval_count", "quantity")
        price = today["unit_amount"].quantize(Decimal("0.0001"), ROUND_HALF_UP)
        if terms.discount != locked["discount_amount"] or any(today[name] != locked[name] for name in inputs):
            return "correction"
        if price != locked["unit_amount"]:
            return "correction"
        if self.ledger.rates.at(terms.currency, close.month) != locked["plan_rate"]:
            return "fx"
        # What is locked of a price are four decimals.
        return "correction" if price != today["unit_amount"] else None

    def _change_of_time(self, locked: dict, version: dict) -> str | None:
        """Say whether an item that is not in force any more has other dates, or an early renewal in its place."""
        own = self._own.get(locked["item_version_id"], [])
        start, end = min((piece[0] for piece in own), default=None), max((piece[1] for piece in own), default=None)
        was = tuple(map(_instant, (locked["service_from_at"], locked["service_end_at"])))
        service_end, renewal = self._replaced.get(version["subscription_id"], (0, 0))
        if was != (start, None if end == FOREVER else end) or renewal < service_end:
            return "backdated_change"
        return None

    def _piece(self, version_id: str, month: int) -> tuple[int, int]:
        """Give start and end of the last of a version's times that has begun by a month's end."""
        last = self.clock.end_of(month)
        return max(piece for piece in self._own[version_id] if self.clock.local_day(piece[0]) <= last)

    # What is known today

    def _live(self, month: int) -> dict[str, Live]:
        return {
            holding.span.terms.item_id: Live(customer_id, holding, self.ledger.worth(holding, month))
            for customer_id, months in self.ledger.holdings.items()
            for holding in months.get(month, ())
        }

    def _minor(self, amount: Decimal) -> int:
        return int(amount * self.world.seeds.minor_units)

    @cached_property
    def _accepted(self) -> dict:
        """The rows that closed months may rest on: in a sample, also of accounts to which its items went."""
        world = self.world
        if not world.is_sample:
            return world.accepted
        theirs = {
            row["subscription_id"]
            for rows in self.locked.values()
            for row in rows.values()
            if row["account_id"] in world.customers
        }
        accounts = set(world.root_of) | {self._owners[key] for key in theirs if key in self._owners}
        return sample.restrict(world.everybodys, accounts)

    @cached_property
    def ledger(self) -> Ledger:
        """What customers hold, those included to whom an item of the sample went."""
        world = self.world
        if not world.is_sample:
            return world.ledger
        spans = ledger.build_spans(self._accepted, world.everybodys_root, world.clock, world.seeds)
        rates = Rates(self._accepted, world.settings.currency, world.clock)
        return Ledger(spans, ledger.pauses(self._accepted, world.clock), rates, world.clock, world.seeds)

    @cached_property
    def _spans(self) -> list[Span]:
        return ledger.in_force(self._accepted, self.world.everybodys_root, self.clock, self.world.seeds)

    @cached_property
    def _own(self) -> dict[str, list[tuple[int, int]]]:
        """Start and end of every version by its own dates, renewals and the as-of date left aside."""
        found = defaultdict(list)
        for span in self._spans:
            if self.clock.local_day(span.start) <= self.clock.as_of:
                found[span.terms.version_id].append((span.start, span.end))
        return found

    @cached_property
    def _replaced(self) -> dict[str, tuple[int, int]]:
        grace_days = self.world.seeds.whole("late_renewal_grace_days")
        return ledger.renewals(self._accepted, self._spans, self.clock, grace_days)

    @cached_property
    def _versions(self) -> dict[str, dict]:
        rows = self.world.everybodys["subscription_item_versions"].to_pylist()
        return {row["item_version_id"]: row for row in rows}

    @cached_property
    def _owners(self) -> dict[str, str]:
        rows = self.world.everybodys["subscriptions"].select(["subscription_id", "account_id"]).to_pylist()
        return {row["subscription_id"]: row["account_id"] for row in rows}

    @cached_property
    def _products(self) -> dict[str, dict]:
        return {row["product_id"]: row for row in self.world.everybodys["products"].to_pylist()}


def _instant(moment: datetime | None) -> int | None:
    """Number an instant as the ledger does."""
    if moment is None:
        return None
    past = moment.replace(tzinfo=UTC) - EPOCH
    return (past.days * 86_400 + past.seconds) * MICROSECOND + past.microseconds
