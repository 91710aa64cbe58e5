"""What the accounts buy: subscriptions from start to end, and the versions of their lines in between."""

import numpy as np
import pandas as pd

from orchestration.demo import constants as figures
from orchestration.demo.accounts import CHILD, INTERNAL, LOST_TRIAL, make_customers, make_others
from orchestration.demo.days import (
    ANNUAL,
    AS_OF,
    FAR,
    FIRST_MONTH,
    LAST_MONTH,
    MONTHLY,
    QUARTERLY,
    day_number,
    first_day,
    fiscal_year,
    month_of,
    next_boundary,
)
from orchestration.demo.tables import NULL, between, choose, generator

VOLUNTARY, INVOLUNTARY = 0, 1
RECURRING, LIMITED = 0, 1
REASONS = (*figures.CANCEL_REASONS, figures.INVOLUNTARY_REASON, figures.EXPIRED_REASON)
ROUNDS = 3  # a customer has at most so many subscriptions one after the other

# Kinds of change, in the order in which changes of one day apply.
PRICE_UPLIFT, DISCOUNT_END, *REQUESTED = range(2 + len(figures.CHANGES))
SEATS_UP, SEATS_DOWN, TIER_UP, TIER_DOWN, ANALYTICS_ADD, ANALYTICS_DROP, ANALYTICS_UP = REQUESTED


def make_company(size: float) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return accounts, subscriptions, pauses and recurring line versions (numbers only, one row each)."""
    customers = make_customers(size)
    numbers = np.arange(len(customers))
    spells: list[pd.DataFrame] = []
    versions, pauses = [], []
    starts = _first_spells("customers", customers, numbers)
    for number in range(ROUNDS):
        part = f"customers_{number}"
        round_spells = _lives(part, customers, starts)
        offset = sum(len(each) for each in spells)
        round_pauses = _pauses(part, round_spells)
        round_versions, final_state = _versions(part, customers, round_spells, round_pauses)
        spells.append(round_spells)
        versions.append(round_versions.assign(spell=round_versions["spell"] + offset))
        pauses.append(round_pauses.assign(spell=round_pauses["spell"] + offset))
        starts = _next_spells(part, customers, round_spells, final_state, offset)
    life_end = np.full(len(customers), FAR)
    for each in spells:
        gone = each[each["churns"]]
        np.minimum.at(life_end, gone["account"].to_numpy(), gone["leaves_on"].to_numpy())
    parent_lives = pd.concat(spells).query("churns").sort_values("leaves_on", kind="stable").drop_duplicates("account")

    accounts = pd.concat([customers, make_others(customers, life_end)], ignore_index=True)
    others = np.flatnonzero(accounts["kind"].isin([CHILD, LOST_TRIAL, INTERNAL]))
    other_spells = _other_lives(accounts, _first_spells("others", accounts, others), parent_lives)
    offset = sum(len(each) for each in spells)
    other_pauses = _pauses("others", other_spells).iloc[:0]
    other_versions, _ = _versions("others", accounts, other_spells, other_pauses)
    spells.append(other_spells)
    versions.append(other_versions.assign(spell=other_versions["spell"] + offset))
    return (
        accounts,
        pd.concat(spells, ignore_index=True),
        pd.concat(pauses, ignore_index=True),
        pd.concat(versions, ignore_index=True),
    )


def _first_spells(part: str, accounts: pd.DataFrame, numbers: np.ndarray) -> pd.DataFrame:
    """Return each account's first subscription as it starts."""
    chosen = accounts.iloc[numbers]
    random = generator("first_" + part)
    count = len(chosen)
    discount = random.random(count)
    recurring = discount < figures.DISCOUNTS["recurring_share"]
    limited = (discount > 1 - figures.DISCOUNTS["limited_share"]) & (chosen["term"] != ANNUAL).to_numpy()
    analytics = random.random(count) < figures.ANALYTICS_AT_START
    seats = chosen["seats"].to_numpy()
    return pd.DataFrame(
        {
            "account": numbers,
            "number": 0,
            "start_day": chosen["start_day"].to_numpy(),
            "start_second": chosen["start_second"].to_numpy(),
            "paid_day": chosen["paid_day"].to_numpy(),
            "anchor": chosen["paid_day"].to_numpy(),
            "replaces": -1,
            "seats": seats,
            "plan": chosen["plan"].to_numpy(),
            "unit": list_price(chosen["currency"], chosen["plan"], chosen["term"], chosen["start_day"]),
            "discount_kind": np.select([recurring, limited], [RECURRING, LIMITED], -1),
            "discount_percent": np.rint(100 * random.choice(figures.DISCOUNTS["rates"], count)).astype(np.int64),
            "analytics": np.where(analytics, 0, -1),
            "analytics_seats": np.where(analytics, analytics_seats(seats), 0),
            "analytics_unit": list_price(chosen["currency"], figures.ANALYTICS[0], chosen["term"], chosen["start_day"]),
        }
    )


def _lives(part: str, customers: pd.DataFrame, starts: pd.DataFrame) -> pd.DataFrame:
    """Add to starting subscriptions when and why they end: churn by hazard, or a renewal that comes late."""
    random = generator("lives_" + part)
    account = starts["account"].to_numpy()
    count = len(starts)
    term = customers["term"].to_numpy()[account]
    anchor = starts["anchor"].to_numpy()
    first_paid_month = month_of(customers["paid_day"].to_numpy()[account])
    months = FIRST_MONTH + np.arange(figures.SIMULATED_MONTHS)
    tenure = months[None, :] - first_paid_month[:, None]
    onboards = customers["onboards"].to_numpy()[account][:, None]
    bands = figures.MONTHLY_HAZARD
    band = np.searchsorted([each["until_month"] for each in bands], tenure)
    in_time, otherwise = (np.array([each[name] for each in bands])[band] for name in ("onboarded", "not_onboarded"))
    by_plan = np.array([plan["hazard"] for plan in figures.PLANS])[customers["plan"].to_numpy()[account]]
    hazard = np.where(onboards, in_time, otherwise) * by_plan[:, None]
    hazard[months[None, :] <= month_of(starts["paid_day"].to_numpy())[:, None]] = 0.0
    lost = random.random(hazard.shape) < hazard
    month = np.where(lost.any(axis=1), months[lost.argmax(axis=1)], month_of(FAR))

    long_enough_to_owe = month >= month_of(starts["paid_day"].to_numpy()) + figures.INVOLUNTARY_FROM_MONTH
    unpaid = long_enough_to_owe & (random.random(count) < figures.INVOLUNTARY_SHARE)
    kind = np.where(unpaid, INVOLUNTARY, VOLUNTARY)
    mid_month = (random.random(count) < figures.MID_MONTH_END_SHARE) | (kind == INVOLUNTARY)
    monthly_end = np.where(mid_month, first_day(month) + between(random, (9, 26), count), first_day(month + 1))
    boundary = next_boundary(term, anchor, first_day(month))
    unpaid_term = (kind == INVOLUNTARY) & np.isin(term, (QUARTERLY, ANNUAL))
    other_end = boundary + np.where(unpaid_term, figures.UNPAID_DAYS_BEFORE_INVOLUNTARY_END, 0)
    leaves_on = np.where(month >= month_of(FAR), FAR, np.where(term == MONTHLY, monthly_end, other_end))

    renewal, gap = _late_renewal(random, term, anchor, leaves_on)
    notice = np.where(
        term == MONTHLY,
        between(random, figures.CANCEL_NOTICE_DAYS["monthly"], count),
        between(random, figures.CANCEL_NOTICE_DAYS["other"], count),
    )
    reason = choose(random, list(figures.CANCEL_REASONS.values()), count)
    spells = starts.assign(
        term=term,
        churns=(leaves_on < FAR) & (renewal >= FAR),
        leaves_on=np.minimum(leaves_on, renewal),
        kind=np.where(renewal < FAR, -1, kind),
        reason=np.select([renewal < FAR, kind == INVOLUNTARY], [len(REASONS) - 1, len(REASONS) - 2], reason),
        request_day=np.where(
            (kind == INVOLUNTARY) | (renewal < FAR),
            NULL,
            np.clip(leaves_on - notice, starts["paid_day"] + 1, leaves_on - 1),
        ),
        renewal_gap=gap,
        leaves_with_parent=False,
    )
    return _known_ends(spells)


def _late_renewal(random: np.random.Generator, term, anchor, leaves_on) -> tuple[np.ndarray, np.ndarray]:
    """Return the first anniversary whose renewal comes late (else FAR), and by how many days."""
    count = len(term)
    renewal, gap = np.full(count, FAR), np.zeros(count, dtype=np.int64)
    for year in (1, 2):
        anniversary = next_boundary(np.full(count, ANNUAL), anchor, anchor + 366 * year - 5)
        late = (term == ANNUAL) & (random.random(count) < figures.LATE_RENEWAL_SHARE) & (renewal == FAR)
        lapsed = random.random(count) < figures.LAPSED_RENEWAL_SHARE
        days = np.where(
            lapsed,
            between(random, figures.LAPSED_RENEWAL_GAP_DAYS, count),
            between(random, figures.LATE_RENEWAL_GAP_DAYS, count),
        )
        late &= (anniversary + 120 < leaves_on) & (anniversary + days <= AS_OF)
        renewal, gap = np.where(late, anniversary, renewal), np.where(late, days, gap)
    return renewal, gap


def _known_ends(spells: pd.DataFrame) -> pd.DataFrame:
    """Add what is known by the as-of date: an end to come only when it has been asked for."""
    leaves_on, request_day = spells["leaves_on"].to_numpy(), spells["request_day"].to_numpy()
    known = (leaves_on <= AS_OF) | ((request_day != NULL) & (request_day <= AS_OF))
    unpaid_from = np.where(spells["kind"] == INVOLUNTARY, leaves_on - figures.UNPAID_DAYS_BEFORE_INVOLUNTARY_END, FAR)
    return spells.assign(
        end_day=np.where(known, leaves_on, FAR),
        kind=np.where(known, spells["kind"], -1),
        reason=np.where(known, spells["reason"], -1),
        request_day=np.where(known, request_day, NULL),
        unpaid_from=unpaid_from,
    )


def _other_lives(accounts: pd.DataFrame, starts: pd.DataFrame, parent_lives: pd.DataFrame) -> pd.DataFrame:
    """Return the lives of children (own hazard, or with the parent), lost trials and internal accounts."""
    random = generator("lives_others")
    count = len(starts)
    account = starts["account"].to_numpy()
    kind_of_account = accounts["kind"].to_numpy()[account]
    is_child, is_trial = kind_of_account == CHILD, kind_of_account == LOST_TRIAL
    paid_day = starts["paid_day"].to_numpy()
    months_lived = random.geometric(figures.CHILD_MONTHLY_HAZARD, count)
    own_end = first_day(np.minimum(month_of(paid_day) + 1 + months_lived, month_of(FAR) - 1))
    parents = parent_lives.set_index("account").reindex(accounts["root"].to_numpy()[account])
    parent_end = np.where(is_child, parents["leaves_on"].fillna(FAR), FAR).astype(np.int64)
    term = accounts["term"].to_numpy()[account]
    own_end = next_boundary(term, starts["anchor"].to_numpy(), own_end)
    own_end = np.where(is_child & (own_end < AS_OF + 60), own_end, FAR)
    with_parent = is_child & (parent_end <= own_end) & (parent_end < FAR)
    own_request = np.where(is_child & (own_end < FAR), np.clip(own_end - 40, paid_day + 1, own_end - 1), NULL)
    parent_kind = parents["kind"].fillna(-1).to_numpy().astype(np.int64)
    parent_request = parents["request_day"].fillna(NULL).to_numpy().astype(np.int64)
    trial_end = starts["start_day"].to_numpy() + figures.TRIAL_DAYS
    leaves_on = np.select([with_parent, is_trial], [parent_end, trial_end], own_end)
    leaves = leaves_on < FAR
    parent_unpaid = with_parent & (parents["unpaid_from"].fillna(FAR).to_numpy() < FAR)
    own_reason = choose(random, list(figures.CANCEL_REASONS.values()), count)
    spells = starts.assign(
        term=term,
        churns=leaves,
        leaves_on=leaves_on,
        kind=np.where(leaves, np.where(parent_unpaid, INVOLUNTARY, VOLUNTARY), -1),
        reason=np.where(leaves, np.where(parent_unpaid, len(REASONS) - 2, own_reason), -1),
        request_day=np.where(
            with_parent, np.where(parent_kind >= 0, parent_request, NULL), np.where(is_trial, NULL, own_request)
        ),
        renewal_gap=0,
        leaves_with_parent=with_parent,
    )
    return _known_ends(spells)


def _next_spells(part: str, customers: pd.DataFrame, spells: pd.DataFrame, state: dict, offset: int) -> pd.DataFrame:
    """Return the subscriptions that follow: late renewals and customers who come back."""
    random = generator("next_" + part)
    count = len(spells)
    leaves_on, gap = spells["leaves_on"].to_numpy(), spells["renewal_gap"].to_numpy()
    renews = gap > 0
    wait = between(random, figures.REACTIVATION_DAYS, count)
    returns = (
        spells["churns"].to_numpy()
        & (spells["kind"] == VOLUNTARY).to_numpy()
        & (random.random(count) < figures.REACTIVATION_SHARE)
        & (leaves_on + wait <= AS_OF - 3)
    )
    rows = np.flatnonzero(renews | returns)
    start = np.where(renews, leaves_on + gap, leaves_on + wait)[rows]
    account = spells["account"].to_numpy()[rows]
    currency, term = customers["currency"].to_numpy()[account], customers["term"].to_numpy()[account]
    renewed = renews[rows]
    carries_on = renewed & (gap[rows] <= figures.LATE_RENEWAL_GAP_DAYS[1])
    new_unit = list_price(currency, state["plan"][rows], term, start)
    new_analytics_unit = list_price(
        currency, np.array(figures.ANALYTICS)[np.maximum(state["analytics"][rows], 0)], term, start
    )
    return pd.DataFrame(
        {
            "account": account,
            "number": spells["number"].to_numpy()[rows] + 1,
            "start_day": start,
            "start_second": 10 * 3600,
            "paid_day": start,
            "anchor": np.where(carries_on, leaves_on[rows], start),
            "replaces": np.where(renewed, rows + offset, -1),
            "seats": state["seats"][rows],
            "plan": state["plan"][rows],
            "unit": np.where(renewed, uplifted(state["unit"][rows], term), new_unit),
            "discount_kind": np.where(renewed & (state["discount_kind"][rows] == RECURRING), RECURRING, -1),
            "discount_percent": state["discount_percent"][rows],
            "analytics": state["analytics"][rows],
            "analytics_seats": state["analytics_seats"][rows],
            "analytics_unit": np.where(renewed, uplifted(state["analytics_unit"][rows], term), new_analytics_unit),
        }
    )


def _pauses(part: str, spells: pd.DataFrame) -> pd.DataFrame:
    """Return whole months in which a monthly subscription rests; at most one pause each."""
    random = generator("pauses_" + part)
    months = np.arange(FIRST_MONTH, LAST_MONTH + 1)
    drawn = random.random((len(spells), len(months))) < figures.PAUSE_CHANCE_PER_MONTH
    drawn &= months[None, :] >= month_of(spells["paid_day"].to_numpy())[:, None] + 3
    drawn &= (spells["term"] == MONTHLY).to_numpy()[:, None]
    rows = np.flatnonzero(drawn.any(axis=1))
    month = months[drawn.argmax(axis=1)[rows]]
    paused_to = first_day(month + between(random, figures.PAUSE_MONTHS, len(rows)))
    keep = paused_to + 60 < spells["leaves_on"].to_numpy()[rows]
    return pd.DataFrame({"spell": rows[keep], "paused_from": first_day(month[keep]), "paused_to": paused_to[keep]})


def _changes(part: str, accounts: pd.DataFrame, spells: pd.DataFrame, pauses: pd.DataFrame) -> pd.DataFrame:
    """Return what happens to running subscriptions: uplifts, ends of discounts, and what customers ask for."""
    random = generator("changes_" + part)
    count = len(spells)
    term, anchor, paid_day = (spells[name].to_numpy() for name in ("term", "anchor", "paid_day"))
    leaves_on = spells["leaves_on"].to_numpy()
    rows = np.arange(count)
    parts = []
    customer_since = month_of(accounts["paid_day"].to_numpy()[spells["account"]])
    for year in figures.UPLIFT_YEARS:
        day = next_boundary(term, anchor, np.full(count, day_number(f"{year}-04-01")))
        due = (month_of(day) - customer_since >= 12) & (day > paid_day)
        parts.append(pd.DataFrame({"spell": rows, "day": day, "kind": PRICE_UPLIFT})[due])

    discount = spells["discount_kind"].to_numpy()
    lapses = (discount == RECURRING) & (random.random(count) < figures.DISCOUNTS["recurring_lapse_share"])
    ends = (discount == LIMITED) | lapses
    after = paid_day + np.where(discount == LIMITED, figures.DISCOUNTS["limited_days"], 366)
    parts.append(pd.DataFrame({"spell": rows, "day": next_boundary(term, anchor, after), "kind": DISCOUNT_END})[ends])

    months = np.arange(FIRST_MONTH, LAST_MONTH + 1)
    thresholds = np.cumsum(list(figures.CHANGES.values()))
    drawn = np.searchsorted(thresholds, random.random((count, len(months))), side="right")
    spell, column = np.nonzero(drawn < len(thresholds))
    kind = np.array(REQUESTED)[drawn[spell, column]]
    day = first_day(months[column]) + between(random, (1, 27), len(spell))
    drops = kind == ANALYTICS_DROP
    day = np.where(drops, next_boundary(term[spell], anchor[spell], day), day)
    wanted = (month_of(day) > month_of(paid_day[spell])) & (day < leaves_on[spell] - figures.QUIET_DAYS_BEFORE_END)
    pause_from, pause_to = np.full(count, FAR), np.full(count, -1)
    pause_from[pauses["spell"]], pause_to[pauses["spell"]] = pauses["paused_from"], pauses["paused_to"]
    wanted &= (day < pause_from[spell]) | (day >= pause_to[spell])
    parts.append(pd.DataFrame({"spell": spell, "day": day, "kind": kind})[wanted])

    changes = pd.concat(parts, ignore_index=True)
    changes = changes[(changes["day"] <= AS_OF) & (changes["day"] < leaves_on[changes["spell"]])]
    changes = changes.sort_values(["spell", "day", "kind"], kind="stable", ignore_index=True)
    up = random.uniform(*figures.SEATS_UP_RANGE, len(changes))
    down = random.uniform(*figures.SEATS_DOWN_RANGE, len(changes))
    second = random.integers(9 * 3600, 18 * 3600, len(changes))
    at_midnight = changes["kind"].isin([PRICE_UPLIFT, DISCOUNT_END, ANALYTICS_DROP])
    return changes.assign(up=up, down=down, second=np.where(at_midnight, 0, second))


def _versions(
    part: str, accounts: pd.DataFrame, spells: pd.DataFrame, pauses: pd.DataFrame
) -> tuple[pd.DataFrame, dict]:
    """Return the versions of the core and analytics lines, and the state in which each subscription ended."""
    account = spells["account"].to_numpy()
    currency, term = accounts["currency"].to_numpy()[account], spells["term"].to_numpy()
    names = (
        "seats",
        "plan",
        "unit",
        "discount_kind",
        "discount_percent",
        "analytics",
        "analytics_seats",
        "analytics_unit",
    )
    state = {name: spells[name].to_numpy().copy() for name in names}
    everyone = np.arange(len(spells))
    days, seconds = spells["start_day"].to_numpy(), spells["start_second"].to_numpy()
    written = [
        _core_version(state, everyone, days, seconds),
        _analytics_version(state, everyone[state["analytics"] >= 0], days, seconds),
    ]
    changes = _changes(part, accounts, spells, pauses)
    turn = changes.groupby("spell").cumcount().to_numpy()
    spell = changes["spell"].to_numpy()
    # The n-th change of every subscription in one step: each step touches a subscription once.
    for step in range(turn.max(initial=-1) + 1):
        rows = np.flatnonzero(turn == step)
        core, analytics = _apply(state, changes.iloc[rows], currency, term)
        days, seconds = np.zeros(len(spells), dtype=np.int64), np.zeros(len(spells), dtype=np.int64)
        days[spell[rows]], seconds[spell[rows]] = changes["day"].to_numpy()[rows], changes["second"].to_numpy()[rows]
        written.append(_core_version(state, core, days, seconds))
        written.append(_analytics_version(state, analytics, days, seconds))
    versions = pd.concat(written, ignore_index=True).drop_duplicates(["spell", "line", "from_day"], keep="last")
    versions = versions.sort_values(["spell", "line", "from_day"], kind="stable", ignore_index=True)
    following = versions.shift(-1)
    same_line = (following["spell"] == versions["spell"]) & (following["line"] == versions["line"])
    versions["to_day"] = np.where(same_line, following["from_day"].fillna(FAR), FAR).astype(np.int64)
    versions["to_second"] = np.where(same_line, following["from_second"].fillna(0), 0).astype(np.int64)
    return versions[versions["quantity"] > 0].reset_index(drop=True), state


def _apply(state: dict, changes: pd.DataFrame, currency, term) -> tuple[np.ndarray, np.ndarray]:
    """Apply one change a subscription to the state; return the subscriptions whose core and analytics line changed."""
    spell, kind, day = (changes[name].to_numpy() for name in ("spell", "kind", "day"))
    up, down = changes["up"].to_numpy(), changes["down"].to_numpy()
    seats, plan, analytics = state["seats"], state["plan"], state["analytics"]
    currency, term = currency[spell], term[spell]

    more, fewer = kind == SEATS_UP, kind == SEATS_DOWN
    seats[spell] += np.where(more, np.maximum(1, np.rint(seats[spell] * up)), 0).astype(np.int64)
    seats[spell] -= np.where(
        fewer, np.minimum(seats[spell] - 1, np.maximum(1, np.rint(seats[spell] * down))), 0
    ).astype(np.int64)

    step = np.where((kind == TIER_UP) & (plan[spell] < 2), 1, 0) - np.where(
        (kind == TIER_DOWN) & (plan[spell] > 0), 1, 0
    )
    plan[spell] += step
    retiered = step != 0
    state["unit"][spell] = np.where(retiered, list_price(currency, plan[spell], term, day), state["unit"][spell])

    rises = kind == PRICE_UPLIFT
    state["unit"][spell] = np.where(rises, uplifted(state["unit"][spell], term), state["unit"][spell])
    state["analytics_unit"][spell] = np.where(
        rises, uplifted(state["analytics_unit"][spell], term), state["analytics_unit"][spell]
    )
    ends = (kind == DISCOUNT_END) & (state["discount_kind"][spell] >= 0)
    state["discount_kind"][spell] = np.where(ends, -1, state["discount_kind"][spell])

    holds = analytics[spell] >= 0
    adds, drops = (kind == ANALYTICS_ADD) & ~holds, (kind == ANALYTICS_DROP) & holds & (term == MONTHLY)
    betters = (kind == ANALYTICS_UP) & (analytics[spell] == 0)
    analytics[spell] = np.select([adds, drops, betters], [0, -1, 1], analytics[spell])
    new_price = list_price(currency, np.array(figures.ANALYTICS)[np.maximum(analytics[spell], 0)], term, day)
    state["analytics_unit"][spell] = np.where(adds | betters, new_price, state["analytics_unit"][spell])
    wanted = np.where(adds, analytics_seats(seats[spell]), np.where(drops, 0, state["analytics_seats"][spell]))
    state["analytics_seats"][spell] = wanted

    core = more | fewer | retiered | rises | ends
    return spell[core], spell[adds | drops | betters | (rises & holds)]


def _core_version(state: dict, rows: np.ndarray, days: np.ndarray, seconds: np.ndarray) -> pd.DataFrame:
    gross = state["seats"][rows] * state["unit"][rows]
    kind = state["discount_kind"][rows]
    discount = np.where(kind >= 0, round_half_up(gross * state["discount_percent"][rows], 100), 0)
    return pd.DataFrame(
        {
            "spell": rows,
            "line": 1,
            "from_day": days[rows],
            "from_second": seconds[rows],
            "product": np.array(figures.CORE)[state["plan"][rows]],
            "quantity": state["seats"][rows],
            "unit": state["unit"][rows],
            "discount": discount,
            "discount_kind": kind,
        }
    )


def _analytics_version(state: dict, rows: np.ndarray, days: np.ndarray, seconds: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "spell": rows,
            "line": 2,
            "from_day": days[rows],
            "from_second": seconds[rows],
            "product": np.array(figures.ANALYTICS)[np.maximum(state["analytics"][rows], 0)],
            "quantity": state["analytics_seats"][rows],
            "unit": state["analytics_unit"][rows],
            "discount": 0,
            "discount_kind": -1,
        }
    )


def round_half_up(numerator, denominator):
    """Return numerator / denominator rounded to a whole number; neither is negative."""
    return (2 * numerator + denominator) // (2 * denominator)


def analytics_seats(seats):
    """Return how many of the seats also use analytics."""
    return np.maximum(1, np.rint(seats * figures.ANALYTICS_SEAT_SHARE)).astype(np.int64)


def _price_step(term):
    """Return the whole minor units a price of a term moves in, so that a month of it is whole too."""
    return np.array([1, 3, 12, 1])[term]


def list_price(currency, product, term, day):
    """Return the list price of a unit for one billing interval, in minor units, as of a day."""
    base = np.array([product_row[6:8] for product_row in figures.PRODUCTS])[np.asarray(product), np.asarray(currency)]
    months = np.array([1, 3, 12 * figures.ANNUAL_PRICE_FACTOR, 12 / 52])[np.asarray(term)]
    step = _price_step(np.asarray(term))
    growth = (1 + figures.LIST_PRICE_GROWTH) ** fiscal_year(day)
    return (np.rint(base * months * growth / step) * step).astype(np.int64)


def uplifted(unit, term):
    """Return a price after the yearly uplift."""
    step = _price_step(np.asarray(term))
    return (np.rint(unit * (1 + figures.PRICE_UPLIFT) / step) * step).astype(np.int64)
