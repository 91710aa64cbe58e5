"""A fixed sample of customers, for a company with more accounts than Python should compute."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.recompute.clock import Clock
from orchestration.recompute.contract import contract
from orchestration.recompute.files import nothing, pieces
from orchestration.recompute.raw import Accepted, accept_rows, sound_rows
from orchestration.recompute.settings import Seeds
from orchestration.recompute.usage import Feed
from orchestration.recompute.withheld import Withheld

# Tables of which only the rows of the sample's accounts matter. Of the others, everybody's do.
OF_ONE_ACCOUNT = (
    "accounts",
    "survey_responses",
    "onboarding_milestones",
    "contracts",
    "invoice_lines",
    "manual_adjustments",
    "support_tickets",
)
EVENTS = "usage_events"


def chosen(customer_ids: Collection[str], count: int) -> set[str]:
    """Give the customers of the sample: the same ones on every run, in whatever order they come."""
    return set(sorted(customer_ids, key=lambda customer_id: sha256(customer_id.encode()).digest())[:count])


def _among(column: pa.ChunkedArray, known: Collection[str] | pa.Array) -> pa.ChunkedArray:
    return pc.is_in(column, known if isinstance(known, pa.Array) else pa.array(sorted(known), pa.string()))


def restrict(accepted: Accepted, accounts: Collection[str]) -> Accepted:
    """Give what concerns some accounts.

    Of the subscriptions those too that renew one of theirs, and on through these, and of the versions all of an
    item, whoever holds them.
    """
    kept, theirs = dict(accepted), pa.array(sorted(accounts), pa.string())
    for name in OF_ONE_ACCOUNT:
        kept[name] = accepted[name].filter(_among(accepted[name].column("account_id"), theirs))

    subscriptions, versions = accepted["subscriptions"], accepted["subscription_item_versions"]
    own = subscriptions.filter(_among(subscriptions.column("account_id"), theirs)).column("subscription_id")
    wanted, fresh, renewals = set(own.to_pylist()), set(own.to_pylist()), _renewals(accepted)
    while fresh:
        fresh = {renewal for replaced in fresh for renewal in renewals[replaced]} - wanted
        wanted |= fresh
    items = versions.filter(_among(versions.column("subscription_id"), wanted)).column("subscription_item_id")
    versions = versions.filter(_among(versions.column("subscription_item_id"), items.combine_chunks()))
    wanted |= set(versions.column("subscription_id").to_pylist())
    pauses = accepted["subscription_pauses"]
    return kept | {
        "subscriptions": subscriptions.filter(_among(subscriptions.column("subscription_id"), wanted)),
        "subscription_item_versions": versions,
        "subscription_pauses": pauses.filter(_among(pauses.column("subscription_id"), wanted)),
    }


def _renewals(accepted: Accepted) -> dict[str, list[str]]:
    """Give the subscriptions that name a subscription as the one that they renew."""
    found = defaultdict(list)
    for name in ("subscriptions", "subscription_replacements"):
        columns = (
            accepted[name].column(column).to_pylist() for column in ("replaces_subscription_id", "subscription_id")
        )
        for replaced, renewal in zip(*columns, strict=True):
            found[replaced].append(renewal)
    return found


def events_of(
    folder: Path, clock: Clock, seeds: Seeds, withheld: Withheld, accepted: Accepted, accounts: Collection[str]
) -> tuple[pa.Table, Feed]:
    """Give the accepted events of some accounts, and on which days anybody used which feature.

    All events go by in pieces, and little of them stays. Whether an event of another account is a copy or has been
    replaced is not looked at: a day or a feature that only such a row would name is taken as seen, and a rejected one
    counts once more.
    """
    table, theirs = contract()[EVENTS], pa.array(sorted(accounts), pa.string())
    found, is_bad, first_seen, days = [nothing(table)[0]], [nothing(table)[1]], {}, set()
    read = deleted = sound_count = 0
    for rows, bad in pieces(folder, EVENTS, clock):
        sound = sound_rows(rows, bad, table, clock, seeds, accepted)
        read, sound_count = read + rows.num_rows, sound_count + sound.num_rows
        deleted += pc.sum(rows.column("_is_deleted").cast(pa.int64())).as_py() or 0
        _note(sound, clock, days, first_seen)
        _keep(rows, bad, _among(rows.column("account_id"), theirs), found, is_bad)

    if withheld.note(EVENTS, read, read - sound_count - deleted, sound_count):
        return nothing(table)[0], Feed(np.array([], dtype=np.int64), np.array([], dtype=np.int64))

    # What else goes by the name of one of these events decides with it which row stays.
    ids = pc.unique(pa.concat_tables(found).column("event_id")).drop_null()
    strangers = set()
    for rows, _ in pieces(folder, EVENTS, clock, ("event_id", "account_id")):
        is_stranger = pc.and_not(_among(rows.column("event_id"), ids), _among(rows.column("account_id"), theirs))
        strangers.update(rows.filter(is_stranger).column("event_id").to_pylist())
    for rows, bad in pieces(folder, EVENTS, clock) if strangers else ():
        is_theirs = _among(rows.column("account_id"), theirs)
        _keep(rows, bad, pc.and_not(_among(rows.column("event_id"), strangers), is_theirs), found, is_bad)

    events = pa.concat_tables(found).combine_chunks()
    events = accept_rows(events, np.concatenate(is_bad), table, clock, seeds, accepted)
    events = events.filter(_among(events.column("account_id"), theirs))
    return events, Feed(np.array(sorted(days), dtype=np.int64), np.array(sorted(first_seen.values()), dtype=np.int64))


def _keep(rows: pa.Table, bad: np.ndarray, condition: pa.ChunkedArray, found: list, is_bad: list) -> None:
    mask = condition.combine_chunks().to_numpy(zero_copy_only=False)
    found.append(rows.filter(pa.array(mask)))
    is_bad.append(bad[mask])


def _note(rows: pa.Table, clock: Clock, days: set[int], first_seen: dict[str, int]) -> None:
    """Remember the days of some events, and the first day of every feature."""
    if not rows.num_rows:
        return
    on = clock.local_days(rows.column("occurred_at").combine_chunks().to_numpy(zero_copy_only=False))
    days.update(np.unique(on).tolist())
    features = rows.column("feature_key").combine_chunks().dictionary_encode()
    codes, names = features.indices.to_numpy(), features.dictionary.to_pylist()
    firsts = np.full(len(names), np.iinfo(np.int64).max)
    np.minimum.at(firsts, codes, on)
    for name, first in zip(names, firsts.tolist(), strict=True):
        first_seen[name] = min(first, first_seen.get(name, first))
