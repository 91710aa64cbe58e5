"""The segments that any customer stands in, with names to show."""

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction

from orchestration.recompute.rows import TOTAL
from orchestration.recompute.segments import UNKNOWN, Segments
from orchestration.recompute.world import World

MOST_PRODUCTS = 4


def rows(world: World) -> Iterator[tuple]:
    """Give every kind of segment and segment: tiers and bands from low to high, the others by name, unknown last."""
    yield TOTAL, TOTAL, "Total", "全体", 1
    bands = {
        row["size_band"]: row for row in world.seeds.listed("size_bands") if row["currency"] == world.seeds.currency
    }
    tiers = _tiers(world)
    stood = {world.segments.of(customer_id, month) for customer_id in world.customers for month in world.months}
    for position, kind in enumerate(Segments._fields):
        places = []
        for value in {segments[position] for segments in stood}:
            names, height = (value, value), Fraction(0)
            if kind == "plan_tier" and value in tiers:
                height = Fraction(value)
                names = f"Tier {value}: {tiers[value]}", f"ティア{value}: {tiers[value]}"
            if kind == "size_band" and value in bands:
                height = Fraction(bands[value]["lower_mrr"])
                names = bands[value]["name_en"], bands[value]["name_ja"]
            if value == UNKNOWN:
                names = "Unknown", "不明"
            places.append((value == UNKNOWN, height, value, *names))
        for number, (_, _, value, name_en, name_ja) in enumerate(sorted(places), 1):
            yield kind, value, name_en, name_ja, number


def _tiers(world: World) -> dict[str, str]:
    """Name the first products of every tier."""
    found = defaultdict(list)
    for row in world.everybodys["products"].to_pylist():
        if row["is_recurring"] and not row["is_metered"]:
            found[str(row["tier_rank"])].append((row["product_family"], row["product_id"], row["product_name"]))
    return {
        tier: ", ".join(name for _, _, name in sorted(products)[:MOST_PRODUCTS])
        + (", …" if len(products) > MOST_PRODUCTS else "")
        for tier, products in found.items()
    }
