"""Usage events by customer and local day."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.recompute.clock import FAR, Clock
from orchestration.recompute.raw import Accepted


def _codes(column: pa.ChunkedArray, code_of: dict[str, int]) -> np.ndarray:
    """Number the texts of a column; -1 where they have no number."""
    encoded = column.combine_chunks().dictionary_encode()
    numbers = np.array([code_of.get(text, -1) for text in encoded.dictionary.to_pylist()] + [-1], dtype=np.int64)
    return numbers[pc.fill_null(encoded.indices, len(numbers) - 1).to_numpy(zero_copy_only=False)]


class Feed(NamedTuple):
    """What anybody's events prove, in order: days on which there were any, and first days of features."""

    days: np.ndarray
    first_seen: np.ndarray


class Usage:
    """Events in the order of their days; those of internal users and excluded accounts only prove that the feed ran."""

    def __init__(self, accepted: Accepted, root_of: dict[str, str], clock: Clock, feed: Feed | None = None) -> None:
        """Read the accepted events; the feed is given when they are not everybody's."""
        events, features, users = accepted["usage_events"], accepted["features"], accepted["users"]
        days = clock.local_days(events.column("occurred_at").combine_chunks().to_numpy(zero_copy_only=False))
        order = np.argsort(days, kind="stable")
        days = days[order]

        self.customer_ids = sorted(set(root_of.values()))
        number = {customer_id: index for index, customer_id in enumerate(self.customer_ids)}
        customer = _codes(events.column("account_id"), {account: number[root] for account, root in root_of.items()})
        keys = pc.unique(events.column("feature_key")).to_pylist()
        feature = _codes(events.column("feature_key"), {key: index for index, key in enumerate(keys)})
        internal = users.filter(users.column("is_internal")).column("user_id").to_pylist()
        is_internal = _codes(events.column("user_id"), dict.fromkeys(internal, 1)) == 1

        self.has_features = features.num_rows > 0
        rows = features.to_pylist()
        core = {row["feature_key"] for row in rows if row["is_core"]} if self.has_features else set(keys)
        high = {row["feature_key"] for row in rows if row["is_high_value"]} if self.has_features else set(keys)
        self._core_count, self._high_value_count = len(core), len(high)
        if feed is None:
            feed = Feed(np.unique(days), days[np.unique(feature[order], return_index=True)[1]])
        self.feed_days, self._first_seen = feed

        counts = (customer[order] >= 0) & ~is_internal[order]
        self.days = days[counts]
        self.customers = customer[order][counts]
        self.features = feature[order][counts]
        self.is_core = np.array([key in core for key in keys], dtype=bool)[self.features]
        self.is_high_value = np.array([key in high for key in keys], dtype=bool)[self.features]
        by_customer = np.lexsort((self.days, self.customers))
        self._sorted_customers, self._sorted_days = self.customers[by_customer], self.days[by_customer]
        self._number = number

    def feed_ran(self, first: int, last: int) -> bool:
        """Say whether any event of anybody lies between two days, both included."""
        return bool(np.searchsorted(self.feed_days, first) < np.searchsorted(self.feed_days, last, side="right"))

    def _window(self, first: int, last: int) -> slice:
        return slice(np.searchsorted(self.days, first), np.searchsorted(self.days, last, side="right"))

    def _per_customer(self, window: slice, chosen: np.ndarray, what: np.ndarray) -> dict[str, int]:
        """Count distinct things by customer among the chosen events of a window."""
        picked = chosen[window]
        pairs = np.unique((self.customers[window][picked] << 32) + what[window][picked])
        customers, counts = np.unique(pairs >> 32, return_counts=True)
        return dict(zip([self.customer_ids[index] for index in customers.tolist()], counts.tolist(), strict=True))

    def core_days(self, first: int, last: int) -> dict[str, int]:
        """Count every customer's days with a core event between two days; who has none is not in it."""
        return self._per_customer(self._window(first, last), self.is_core, self.days)

    def high_value_features(self, first: int, last: int) -> dict[str, int]:
        """Count the high-value features that every customer used between two days."""
        return self._per_customer(self._window(first, last), self.is_high_value, self.features)

    def core_features(self, first: int, last: int) -> dict[str, int]:
        """Count the core features that every customer used between two days."""
        return self._per_customer(self._window(first, last), self.is_core, self.features)

    def events(self, first: int, last: int) -> dict[str, int]:
        """Count every customer's events between two days."""
        customers, counts = np.unique(self.customers[self._window(first, last)], return_counts=True)
        return dict(zip([self.customer_ids[index] for index in customers.tolist()], counts.tolist(), strict=True))

    def core_count(self, day: int) -> int:
        """Count the core features there are; without a features table, all seen in anybody's events by a day."""
        return self._core_count if self.has_features else int((self._first_seen <= day).sum())

    def high_value_count(self, day: int) -> int:
        """Count the high-value features there are; without a features table, all seen in anybody's events by a day."""
        if self.has_features:
            return self._high_value_count
        return int((self._first_seen <= day).sum())

    def used_between(self, customer_id: str, after: int, last: int) -> bool:
        """Say whether a customer used anything on a day later than one and not later than another."""
        return self.first_use(customer_id, after, last) != FAR

    def first_use(self, customer_id: str, after: int, last: int) -> int:
        """Give the first day later than one and not later than another on which a customer used anything, or FAR."""
        number = self._number[customer_id]
        first, end = np.searchsorted(self._sorted_customers, [number, number + 1])
        days = self._sorted_days[first:end]
        position = np.searchsorted(days, after, side="right")
        return int(days[position]) if position < len(days) and days[position] <= last else FAR
