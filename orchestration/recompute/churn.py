"""Why customers left: the subscription whose service ended last says it."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

from orchestration.recompute.ledger import FOREVER
from orchestration.recompute.lives import paid_times, without_pauses
from orchestration.recompute.segments import UNKNOWN

if TYPE_CHECKING:
    from orchestration.recompute.world import World


class Churns:
    """Looks at the subscriptions that carried MRR at the end of the month before."""

    def __init__(self, world: World) -> None:
        """Find out until when every subscription carried MRR."""
        self._world = world
        self._ends: dict[str, int] = defaultdict(int)
        for span in world.ledger.spans:
            key = span.terms.subscription_id
            pauses = world.ledger.pauses.get(key, [])
            times = (without_pauses(*time, pauses) for time in paid_times(world.ledger, span))
            for _, end in chain.from_iterable(times):
                if end != FOREVER and world.clock.local_day(end) <= world.clock.as_of:
                    self._ends[key] = max(self._ends[key], end)
        self._subscriptions = {row["subscription_id"]: row for row in world.accepted["subscriptions"].to_pylist()}

    def reason(self, customer_id: str, month: int) -> tuple[str, str | None]:
        """Give the reason of a customer's churn in a month, and what it said when it cancelled."""
        ledger = self._world.ledger
        carried = {
            holding.span.terms.subscription_id
            for holding in ledger.held(customer_id, month - 1)
            if ledger.worth(holding, month - 1) > 0 and self._ends[holding.span.terms.subscription_id]
        }
        if not carried:
            return UNKNOWN, None
        last = self._subscriptions[max(carried, key=lambda key: (self._ends[key], key))]
        is_pause = any(holding.is_paused for holding in ledger.held(customer_id, month))
        return "pause" if is_pause else last["cancel_kind"] or UNKNOWN, last["cancel_reason"]
