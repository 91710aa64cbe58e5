"""What was closed and reopened, by whom, and what of it is in force."""

from collections.abc import Iterator

from orchestration.recompute.clock import day_of
from orchestration.recompute.world import World

BEFORE = (
    "reason",
    "made_by",
    "approved_by",
    "os_user",
    "build_id",
    "currency",
    "time_zone",
    "policy_version",
    "row_hash",
    "data_through_by",
    "row_count",
)


def rows(world: World) -> Iterator[tuple]:
    """Give every entry of the store."""
    in_force = {close.number for close in world.closed.closes}
    for event in world.closed.events:
        number = event["entry_number"]
        about, through = (event.get(name) for name in BEFORE), event.get("data_through")
        days = day_of(event["as_of_date"]), None if through is None else day_of(through)
        yield number, event["action"], day_of(event["month"]), *about, number in in_force, *days, event["made_at"]
