"""Touch models: how much of a person's time a customer gets, set at the start of a fiscal quarter."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from orchestration.recompute.segments import UNKNOWN

if TYPE_CHECKING:
    from orchestration.recompute.world import World

QUARTER = 3


def quarter_start(world: World, month: int) -> int:
    """Give the first month of a month's fiscal quarter."""
    return month - (month % 12 + 1 - world.seeds.whole("fiscal_year_start_month")) % QUARTER


class TouchModels:
    """Looks a customer's touch model up by month."""

    def __init__(self, world: World) -> None:
        """Look nothing up yet."""
        self._world = world
        self._known: dict[tuple[str, int], str] = {}

    def of(self, customer_id: str, month: int) -> str:
        """Give the touch model of a month's quarter; unknown before the first one in which a customer pays."""
        key = (customer_id, quarter_start(self._world, month))
        if key not in self._known:
            self._known[key] = self._set_at(*key)
        return self._known[key]

    def _set_at(self, customer_id: str, quarter: int) -> str:
        """Read MRR at the quarter's start, else its first in the quarter, else none: the customer has left."""
        world, first = self._world, self._world.first_paid.get(customer_id)
        if first is None or first >= quarter + QUARTER:
            return UNKNOWN
        found = (world.ledger.mrr(customer_id, at) for at in range(quarter - 1, quarter + QUARTER))
        arr = Fraction(12 * next(filter(None, found), 0), world.seeds.minor_units)
        employees = world.customers[customer_id].employee_count
        for name, lowest_arr, lowest_employees in world.seeds.touch_models:
            if lowest_arr is not None and arr >= lowest_arr:
                return name
            if lowest_employees is not None and employees is not None and employees >= lowest_employees:
                return name
        return "tech"
