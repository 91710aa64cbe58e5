"""Answers of customers, with the word for each."""

from collections.abc import Iterator

from orchestration.recompute.world import World

# The lowest score of each word, the best word first.
WORDS = {
    "nps": ((9, "promoter"), (7, "passive"), (0, "detractor")),
    "csat": ((4, "satisfied"), (1, "not_satisfied")),
    "ces": ((5, "easy"), (1, "not_easy")),
}


def rows(world: World) -> Iterator[tuple]:
    """Give every answer that was there by the as-of date."""
    for row in world.accepted["survey_responses"].to_pylist():
        customer_id, on = world.root_of.get(row["account_id"]), world.clock.local_day(row["responded_at"])
        if customer_id is not None and on <= world.clock.as_of:
            yield (
                row["response_id"],
                customer_id,
                row["survey_type"],
                row["touchpoint"],
                next(word for lowest, word in WORDS[row["survey_type"]] if row["score"] >= lowest),
                row["score"],
                row["responded_at"],
                on,
            )
