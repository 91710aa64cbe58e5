"""How much of the company was recomputed."""

from collections.abc import Iterator

from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give accepted accounts, customers looked at, and whether those are a sample."""
    yield world.everybodys["accounts"].num_rows, len(world.customers), world.is_sample
