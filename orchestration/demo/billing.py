"""The raw subscription tables, and the invoices that follow from them."""

import numpy as np
import pandas as pd

from orchestration.demo import constants as figures
from orchestration.demo.accounts import INTERNAL, account_keys
from orchestration.demo.days import (
    AS_OF,
    FAR,
    LAST_MONTH,
    MONTHLY,
    first_day,
    month_of,
    period_number,
    period_start,
)
from orchestration.demo.subscriptions import REASONS, round_half_up
from orchestration.demo.tables import NULL, between, generator, instants_or_null, keys, words

TO_DECIMAL = np.array([10_000, 100])  # minor units of each currency to ten-thousandths of its major unit
METERED_LINE, ONE_TIME_LINE = 3, 4
PAID, OPEN, UNCOLLECTIBLE, VOID = range(4)
INVOICE_STATUS = ("paid", "open", "uncollectible", "void")


def product_rows() -> dict:
    """Return the raw table `products`."""
    columns = list(zip(*figures.PRODUCTS, strict=True))
    names = ("product_id", "product_name", "product_family", "tier_rank", "is_recurring", "is_metered")
    rows = dict(zip(names, (list(column) for column in columns), strict=False))
    return rows | {"is_recurring": np.array(rows["is_recurring"]), "is_metered": np.array(rows["is_metered"])}


def subscription_keys(spells):
    """Return subscription keys."""
    return keys("S", np.where(np.asarray(spells) < 0, -1, np.asarray(spells) + 1))


def item_keys(spells, lines):
    """Return keys of subscription lines."""
    return keys("I", (np.asarray(spells) + 1) * 10 + lines, 7)


def subscription_rows(accounts: pd.DataFrame, spells: pd.DataFrame, pauses: pd.DataFrame) -> dict:
    """Return the raw table `subscriptions`."""
    end_day = spells["end_day"].to_numpy()
    paused = np.zeros(len(spells), dtype=bool)
    paused[pauses["spell"][(pauses["paused_from"] <= AS_OF) & (pauses["paused_to"] > AS_OF)]] = True
    overdue = spells["unpaid_from"].to_numpy() + figures.PAYMENT_DAYS < AS_OF
    has_trial = spells["paid_day"].to_numpy() > spells["start_day"].to_numpy()
    random = generator("request_times")
    return {
        "subscription_id": subscription_keys(np.arange(len(spells))),
        "account_id": account_keys(spells["account"]),
        "status": words(
            np.select([end_day <= AS_OF, spells["paid_day"] > AS_OF, paused, overdue], [0, 1, 2, 3], 4),
            ("canceled", "trialing", "paused", "past_due", "active"),
        ),
        "started_at": instants_or_null(spells["start_day"], spells["start_second"]),
        "trial_started_at": instants_or_null(np.where(has_trial, spells["start_day"], NULL), spells["start_second"]),
        "trial_ended_at": instants_or_null(np.where(has_trial, spells["paid_day"], NULL), spells["start_second"]),
        "cancel_requested_at": instants_or_null(
            spells["request_day"], random.integers(9 * 3600, 18 * 3600, len(spells))
        ),
        "ended_at": instants_or_null(end_day, _end_second(spells)),
        "cancel_reason": words(spells["reason"], REASONS),
        "cancel_kind": words(spells["kind"], ("voluntary", "involuntary")),
        "replaces_subscription_id": subscription_keys(spells["replaces"]),
    }


def _end_second(spells: pd.DataFrame) -> np.ndarray:
    """Return midnight, but the trial's own hour where a trial is lost."""
    return np.where(spells["end_day"] == spells["paid_day"], spells["start_second"], 0)


def pause_rows(pauses: pd.DataFrame) -> dict:
    """Return the raw table `subscription_pauses`; the end of a running pause is not known yet."""
    paused_to = pauses["paused_to"].to_numpy()
    return {
        "subscription_id": subscription_keys(pauses["spell"]),
        "paused_from": instants_or_null(pauses["paused_from"], 0),
        "paused_to": instants_or_null(np.where(paused_to > AS_OF, FAR, paused_to), 0),
    }


def side_lines(accounts: pd.DataFrame, spells: pd.DataFrame) -> pd.DataFrame:
    """Return the lines that carry no MRR: metered use, and a launch package at the first start."""
    random = generator("side_lines")
    first = (spells["number"] == 0).to_numpy() & (spells["end_day"] > spells["paid_day"]).to_numpy()
    metered = first & (random.random(len(spells)) < figures.METERED_SHARE)
    launches = first & (random.random(len(spells)) < np.array(figures.ONE_TIME_SHARE)[spells["plan"]])
    currency = accounts["currency"].to_numpy()[spells["account"]]
    parts = []
    for chosen, line, product in (
        (metered, METERED_LINE, figures.METERED),
        (launches, ONE_TIME_LINE, figures.ONE_TIME),
    ):
        rows = np.flatnonzero(chosen)
        start = spells["start_day"].to_numpy()[rows]
        parts.append(
            pd.DataFrame(
                {
                    "spell": rows,
                    "line": line,
                    "from_day": start,
                    "from_second": spells["start_second"].to_numpy()[rows],
                    "product": product,
                    "quantity": 1,
                    "unit": np.array(figures.PRODUCTS[product][6:8])[currency[rows]],
                    "discount": 0,
                    "discount_kind": -1,
                    "to_day": FAR if line == METERED_LINE else start + 30,
                    "to_second": 0,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def version_rows(accounts: pd.DataFrame, spells: pd.DataFrame, versions: pd.DataFrame) -> dict:
    """Return the raw table `subscription_item_versions`; a service's end stands on its subscription alone."""
    spell = versions["spell"].to_numpy()
    currency = accounts["currency"].to_numpy()[spells["account"]][spell]
    is_side = (versions["line"] >= METERED_LINE).to_numpy()
    term = np.where(is_side, MONTHLY, spells["term"].to_numpy()[spell])
    kind = versions["discount_kind"].to_numpy()
    to_day = versions["to_day"].to_numpy()
    valid_from = instants_or_null(versions["from_day"], versions["from_second"])
    return {
        "item_version_id": keys("V", np.arange(1, len(versions) + 1), 7),
        "subscription_item_id": item_keys(spell, versions["line"].to_numpy()),
        "subscription_id": subscription_keys(spell),
        "product_id": words(versions["product"], [product[0] for product in figures.PRODUCTS]),
        "billing_interval": words(term, [interval for interval, _ in figures.TERM_INTERVAL]),
        "interval_count": np.array([count for _, count in figures.TERM_INTERVAL])[term],
        "quantity": versions["quantity"].to_numpy() * 10_000,
        "unit_amount": versions["unit"].to_numpy() * TO_DECIMAL[currency],
        "discount_amount": np.where(kind < 0, NULL, versions["discount"].to_numpy() * TO_DECIMAL[currency]),
        "discount_kind": words(kind, ("recurring", "limited")),
        "currency": words(currency, figures.CURRENCIES),
        "valid_from": valid_from,
        "valid_to": instants_or_null(to_day, versions["to_second"]),
        "recorded_at": valid_from,
    }


def billed_lines(
    accounts: pd.DataFrame, spells: pd.DataFrame, pauses: pd.DataFrame, versions: pd.DataFrame, sides: pd.DataFrame
):
    """Return every invoice line: periods in advance, prorations, credits, metered use and one-time charges."""
    periods = _period_lines(accounts, spells, pauses, versions)
    parts = [
        periods,
        _proration_lines(spells, pauses, versions),
        _credit_lines(spells, versions, periods),
        _side_charges(accounts, spells, pauses, sides),
    ]
    lines = pd.concat(parts, ignore_index=True)
    internal = (accounts["kind"] == INTERNAL).to_numpy()[spells["account"].to_numpy()[lines["spell"]]]
    lines = lines[(lines["amount"] != 0) & (lines["issued_on"] <= AS_OF) & ~internal]
    lines = lines.sort_values(["issued_on", "spell", "line", "order"], kind="stable", ignore_index=True)
    return _with_reissues(_settle(spells, lines))


def _line_spans(spells: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """Return each recurring line with the days it is billed for; a renewal in time bills from the old end on."""
    lines = versions.groupby(["spell", "line"], as_index=False).agg(
        from_day=("from_day", "min"), to_day=("to_day", "max")
    )
    spell = lines["spell"].to_numpy()
    paid_day = spells["paid_day"].to_numpy()[spell]
    bills_from = np.minimum(spells["anchor"].to_numpy()[spell], paid_day)
    starts_with = lines["from_day"].to_numpy() <= paid_day
    lines["from_day"] = np.where(starts_with, bills_from, lines["from_day"])
    end = np.minimum(spells["end_day"].to_numpy()[spell], AS_OF + 1)
    lines["to_day"] = np.minimum(lines["to_day"], end)
    return lines[lines["from_day"] < lines["to_day"]].reset_index(drop=True)


def amount_on(versions: pd.DataFrame, spell, line, day) -> np.ndarray:
    """Return a line's full amount for one interval on given days (the first version's before it starts)."""
    order = version_order(versions["spell"], versions["line"], versions["from_day"])
    position = np.searchsorted(order, version_order(spell, line, day), "right") - 1
    found = np.maximum(position, 0)
    wrong_line = (versions["spell"].to_numpy()[found] != spell) | (versions["line"].to_numpy()[found] != line)
    found = np.where(wrong_line, found + 1, found)
    return (versions["quantity"] * versions["unit"] - versions["discount"]).to_numpy()[found]


def version_order(spell, line, day) -> np.ndarray:
    """Return numbers that sort versions and look-ups by subscription, line and day."""
    return (np.asarray(spell, dtype=np.int64) * 10 + np.asarray(line)) * 2 * FAR + np.asarray(day)


def _is_paused(pauses: pd.DataFrame, spell_count: int, spell, day) -> np.ndarray:
    paused_from, paused_to = np.full(spell_count, FAR), np.full(spell_count, -1)
    paused_from[pauses["spell"]], paused_to[pauses["spell"]] = pauses["paused_from"], pauses["paused_to"]
    return (day >= paused_from[spell]) & (day < paused_to[spell])


def _period_lines(accounts, spells, pauses, versions) -> pd.DataFrame:
    """Return one line a billing period and recurring line, in advance; the first one may be a part of a period."""
    spans = _line_spans(spells, versions)
    term, anchor = spells["term"].to_numpy()[spans["spell"]], spells["anchor"].to_numpy()[spans["spell"]]
    first = period_number(term, anchor, spans["from_day"].to_numpy())
    last = period_number(term, anchor, spans["to_day"].to_numpy() - 1)
    span, offset = repeated(last - first + 1)
    number = first[span] + offset
    spell, line = spans["spell"].to_numpy()[span], spans["line"].to_numpy()[span]
    start, end = period_start(term[span], anchor[span], number), period_start(term[span], anchor[span], number + 1)
    service_from = np.maximum(start, spans["from_day"].to_numpy()[span])
    full = amount_on(versions, spell, line, service_from)
    lines = pd.DataFrame(
        {
            "spell": spell,
            "line": line,
            "order": 0,
            "issued_on": np.maximum(service_from, spells["start_day"].to_numpy()[spell]),
            "service_from": service_from,
            "service_to": end - 1,
            "amount": round_half_up(full * (end - service_from), end - start),
            "is_recurring": True,
            "is_proration": service_from > start,
            "credits": -1,
        }
    )
    return lines[~_is_paused(pauses, len(spells), spell, service_from)].reset_index(drop=True)


def _proration_lines(spells, pauses, versions) -> pd.DataFrame:
    """Return the difference for the rest of the period where a line changes inside one."""
    previous = versions.shift(1)
    follows = ((previous["spell"] == versions["spell"]) & (previous["line"] == versions["line"])).to_numpy()
    amount = (versions["quantity"] * versions["unit"] - versions["discount"]).to_numpy()
    changed = versions[follows]
    difference = (amount - np.roll(amount, 1))[follows]
    spell, day = changed["spell"].to_numpy(), changed["from_day"].to_numpy()
    term, anchor = spells["term"].to_numpy()[spell], spells["anchor"].to_numpy()[spell]
    number = period_number(term, anchor, day)
    start, end = period_start(term, anchor, number), period_start(term, anchor, number + 1)
    sign = np.sign(difference)
    lines = pd.DataFrame(
        {
            "spell": spell,
            "line": changed["line"].to_numpy(),
            "order": 1,
            "issued_on": day,
            "service_from": day,
            "service_to": end - 1,
            "amount": sign * round_half_up(np.abs(difference) * (end - day), end - start),
            "is_recurring": True,
            "is_proration": True,
            "credits": -1,
        }
    )
    inside = (day > start) & (day > spells["paid_day"].to_numpy()[spell]) & (day < spells["end_day"].to_numpy()[spell])
    return lines[inside & ~_is_paused(pauses, len(spells), spell, day)]


def _credit_lines(spells, versions, periods) -> pd.DataFrame:
    """Return what is given back to customers who leave inside a period that they have been billed for."""
    last = periods[periods["order"] == 0].groupby(["spell", "line"], as_index=False).last()
    spell = last["spell"].to_numpy()
    end_day = spells["end_day"].to_numpy()[spell]
    term, anchor = spells["term"].to_numpy()[spell], spells["anchor"].to_numpy()[spell]
    inside = (
        (end_day <= AS_OF) & (end_day <= last["service_to"]).to_numpy() & (end_day > last["service_from"]).to_numpy()
    )
    last, spell, end_day, term, anchor = last[inside], spell[inside], end_day[inside], term[inside], anchor[inside]
    number = period_number(term, anchor, end_day)
    start, end = period_start(term, anchor, number), period_start(term, anchor, number + 1)
    full = amount_on(versions, spell, last["line"].to_numpy(), end_day - 1)
    return last.assign(
        order=2,
        issued_on=end_day,
        service_from=end_day,
        amount=-round_half_up(full * (end - end_day), end - start),
        is_proration=True,
        credits=0,
    )


def _side_charges(accounts, spells, pauses, sides) -> pd.DataFrame:
    """Return metered use month by month in arrears, and launch packages at the paid start."""
    random = generator("metered_use")
    metered, launches = sides[sides["line"] == METERED_LINE], sides[sides["line"] == ONE_TIME_LINE]
    spell = metered["spell"].to_numpy()
    first = month_of(spells["paid_day"].to_numpy()[spell])
    last = month_of(np.minimum(spells["end_day"].to_numpy()[spell] - 1, first_day(LAST_MONTH + 1) - 1))
    row, offset = repeated(last - first + 1)
    month = first[row] + offset
    spell = spell[row]
    units = np.maximum(1, np.rint(random.gamma(2.0, figures.METERED_UNITS_MEAN / 2, len(row)))).astype(np.int64)
    use = pd.DataFrame(
        {
            "spell": spell,
            "line": METERED_LINE,
            "issued_on": first_day(month + 1),
            "service_from": np.maximum(first_day(month), spells["paid_day"].to_numpy()[spell]),
            "service_to": np.minimum(first_day(month + 1), spells["end_day"].to_numpy()[spell]) - 1,
            "amount": metered["unit"].to_numpy()[row] * units,
        }
    )
    use = use[(use["issued_on"] <= AS_OF) & ~_is_paused(pauses, len(spells), spell, first_day(month))]
    start = spells["paid_day"].to_numpy()[launches["spell"]]
    once = pd.DataFrame(
        {
            "spell": launches["spell"].to_numpy(),
            "line": ONE_TIME_LINE,
            "issued_on": start,
            "service_from": start,
            "service_to": start + 29,
            "amount": launches["unit"].to_numpy(),
        }
    )
    return pd.concat([use, once], ignore_index=True).assign(order=3, is_recurring=False, is_proration=False, credits=-1)


def _settle(spells: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Give lines of one subscription and day one invoice, and say when each is due and paid."""
    random = generator("payments")
    invoice = (lines["spell"] != lines["spell"].shift()) | (lines["issued_on"] != lines["issued_on"].shift())
    lines["invoice"] = invoice.cumsum().to_numpy() - 1
    count = int(lines["invoice"].max()) + 1
    issued = lines.groupby("invoice")["issued_on"].first().to_numpy()
    spell = lines.groupby("invoice")["spell"].first().to_numpy()
    due = issued + figures.PAYMENT_DAYS
    draw = random.random(count)
    punctual, very_late = draw < figures.PAID_IN_TIME_SHARE, draw > 1 - figures.VERY_LATE_SHARE
    paid = due + np.select(
        [punctual, very_late],
        [-between(random, (0, 20), count), between(random, figures.VERY_LATE_DAYS, count)],
        between(random, figures.PAID_LATE_DAYS, count),
    )
    unpaid_from, end_day = spells["unpaid_from"].to_numpy()[spell], spells["end_day"].to_numpy()[spell]
    never = issued >= unpaid_from
    paid = np.where(never | (paid > AS_OF), FAR, paid)
    status = np.select([never & (end_day <= AS_OF), paid >= FAR], [UNCOLLECTIBLE, OPEN], PAID)
    lines["due_on"], lines["paid_on"] = due[lines["invoice"]], paid[lines["invoice"]]
    lines["status"] = status[lines["invoice"]]
    lines["number"] = np.arange(len(lines))
    base = (
        lines[lines["order"] == 0]
        .drop_duplicates(["spell", "line"], keep="last")
        .set_index(["spell", "line"])["number"]
    )
    credits = lines["credits"] >= 0
    credited = pd.MultiIndex.from_frame(lines.loc[credits, ["spell", "line"]])
    lines.loc[credits, "credits"] = base.reindex(credited).fillna(-1).astype(np.int64).to_numpy()
    return lines


def _with_reissues(lines: pd.DataFrame) -> pd.DataFrame:
    """Add invoices that were cancelled and written again, and goodwill credits."""
    random = generator("reissues")
    invoices = int(lines["invoice"].max()) + 1
    plain = lines.groupby("invoice")["order"].min().to_numpy() == 0
    voided = plain & (random.random(invoices) < figures.VOID_SHARE)
    again = lines[voided[lines["invoice"]] & (lines["issued_on"] <= AS_OF - 40)].copy()
    lines.loc[lines["invoice"].isin(again["invoice"]), ["status", "paid_on"]] = [VOID, FAR]
    again["credits"] = np.where(again["credits"] >= 0, again["credits"], -1)
    again["issued_on"] = again["issued_on"] + 3
    again["due_on"] = again["due_on"] + 3
    again["paid_on"] = np.where(again["paid_on"] >= FAR, FAR, np.maximum(again["paid_on"], again["issued_on"] + 1))
    again["invoice"] = invoices + pd.factorize(again["invoice"])[0]
    goodwill = lines[
        (lines["order"] == 0) & (lines["status"] == PAID) & (random.random(len(lines)) < figures.GOODWILL_SHARE)
    ].copy()
    goodwill["credits"] = goodwill["number"]
    goodwill["issued_on"] = np.minimum(goodwill["issued_on"] + 12, AS_OF)
    goodwill["due_on"] = goodwill["paid_on"] = goodwill["issued_on"]
    goodwill["amount"] = -np.rint(goodwill["amount"] * figures.GOODWILL_RATE).astype(np.int64)
    goodwill["is_recurring"] = False
    goodwill["invoice"] = invoices + again["invoice"].nunique() + np.arange(len(goodwill))
    added = pd.concat([again, goodwill[goodwill["amount"] != 0]])
    added["number"] = len(lines) + np.arange(len(added))
    return pd.concat([lines, added], ignore_index=True)


def with_adjusted(lines: pd.DataFrame, adjustments: pd.DataFrame) -> pd.DataFrame:
    """Add what was billed or credited beside the contract; manual adjustments say why."""
    month = adjustments["month"].to_numpy(dtype=np.int64)
    issued = np.minimum(first_day(month + 1) - 1, AS_OF)
    added = pd.DataFrame(
        {
            "spell": adjustments["spell"].to_numpy(dtype=np.int64),
            "line": adjustments["line"].to_numpy(dtype=np.int64),
            "order": 4,
            "issued_on": issued,
            "service_from": first_day(month),
            "service_to": first_day(month + 1) - 1,
            "amount": adjustments["amount"].to_numpy(dtype=np.int64),
            "is_recurring": True,
            "is_proration": False,
            "credits": -1,
            "invoice": int(lines["invoice"].max()) + 1 + np.arange(len(adjustments)),
            "due_on": issued + figures.PAYMENT_DAYS,
            "paid_on": np.minimum(issued + figures.PAYMENT_DAYS - 1, AS_OF),
            "status": PAID,
            "number": len(lines) + np.arange(len(adjustments)),
        }
    )
    return pd.concat([lines, added], ignore_index=True)


def invoice_rows(accounts: pd.DataFrame, spells: pd.DataFrame, lines: pd.DataFrame) -> dict:
    """Return the raw table `invoice_lines`."""
    spell = lines["spell"].to_numpy()
    account = spells["account"].to_numpy()[spell]
    currency = accounts["currency"].to_numpy()[account]
    return {
        "invoice_line_id": keys("L", lines["number"].to_numpy() + 1, 8),
        "invoice_id": keys("N", lines["invoice"].to_numpy() + 1, 8),
        "account_id": account_keys(account),
        "subscription_item_id": item_keys(spell, lines["line"].to_numpy()),
        "issued_at": instants_or_null(lines["issued_on"], 10 * 3600),
        "service_from": lines["service_from"].to_numpy(),
        "service_to": lines["service_to"].to_numpy(),
        "amount_ex_tax": lines["amount"].to_numpy() * TO_DECIMAL[currency],
        "currency": words(currency, figures.CURRENCIES),
        "is_recurring": lines["is_recurring"].to_numpy(dtype=bool),
        "is_proration": lines["is_proration"].to_numpy(dtype=bool),
        "status": words(lines["status"], INVOICE_STATUS),
        "due_at": instants_or_null(lines["due_on"], 18 * 3600),
        "paid_at": instants_or_null(lines["paid_on"], 15 * 3600),
        "credit_note_of": keys("L", np.where(lines["credits"] < 0, -1, lines["credits"] + 1), 8),
    }


def repeated(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, for rows to be repeated, the row of each repetition and its place (0, 1, …) in the row."""
    counts = np.maximum(np.asarray(counts, dtype=np.int64), 0)
    row = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, place
