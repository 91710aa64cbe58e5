"""What is sold."""

from collections.abc import Iterator

from orchestration.recompute.world import World

NAMES = ("product_id", "product_name", "product_family", "tier_rank", "is_recurring", "is_metered")


def rows(world: World) -> Iterator[tuple]:
    """Give every product."""
    for row in world.everybodys["products"].to_pylist():
        yield tuple(row[name] for name in NAMES)
