"""NRR under each alternative policy beside the headline."""

from collections.abc import Iterator

from orchestration.recompute.sensitivity import sensitivity
from orchestration.recompute.tables._cells import amount, first_day
from orchestration.recompute.world import World


def rows(world: World) -> Iterator[tuple]:
    """Give every month and policy."""
    words = {row["policy_key"]: row for row in world.seeds.listed("nrr_policies")}
    found = list(sensitivity(world))
    headline = {row.month: row.value for policy_key, row in found if policy_key == "headline"}
    for policy_key, row in found:
        about, beside = words[policy_key], headline[row.month]
        yield (
            first_day(row.month),
            policy_key,
            about["name_en"],
            about["name_ja"],
            int(about["sort_order"]),
            None if row.numerator is None else amount(row.numerator),
            None if row.denominator is None else amount(row.denominator),
            row.value,
            None if row.value is None or beside is None else row.value - beside,
            row.null_reason,
        )
