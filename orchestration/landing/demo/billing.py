"""Everything in money: the raw subscription tables, contracts, invoices, the ledger, rates and what finance reported."""

import numpy as np
import pandas as pd

from orchestration.landing.demo import constants as figures
from orchestration.landing.demo.accounts import CUSTOMER, INTERNAL, account_keys
from orchestration.landing.demo.calendar import (
    ANNUAL,
    AS_OF,
    FAR,
    FIRST_MONTH,
    HISTORY_START,
    LAST_MONTH,
    MONTHLY,
    QUARTERLY,
    day_number,
    first_day,
    month_of,
    period_number,
    period_start,
)
from orchestration.landing.demo.subscriptions import LIMITED, REASONS, RECURRING, round_half_up
from orchestration.landing.demo.tables import NULL, between, choose, generator, instants_or_null, keys, words

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
        "trial_ended_at": instants_or_null(np.where(has_trial, spells["paid_day"], NULL), spells["start_second"]),
        "cancel_requested_at": instants_or_null(spells["request_day"], random.integers(9 * 3600, 18 * 3600, len(spells))),
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
    for chosen, line, product in ((metered, METERED_LINE, figures.METERED), (launches, ONE_TIME_LINE, figures.ONE_TIME)):
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


def billed_lines(accounts: pd.DataFrame, spells: pd.DataFrame, pauses: pd.DataFrame, versions: pd.DataFrame, sides: pd.DataFrame):
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
    lines = versions.groupby(["spell", "line"], as_index=False).agg(from_day=("from_day", "min"), to_day=("to_day", "max"))
    spell = lines["spell"].to_numpy()
    paid_day = spells["paid_day"].to_numpy()[spell]
    bills_from = np.minimum(spells["anchor"].to_numpy()[spell], paid_day)
    starts_with = lines["from_day"].to_numpy() <= paid_day
    lines["from_day"] = np.where(starts_with, bills_from, lines["from_day"])
    end = np.minimum(spells["end_day"].to_numpy()[spell], AS_OF + 1)
    lines["to_day"] = np.minimum(lines["to_day"], end)
    return lines[lines["from_day"] < lines["to_day"]].reset_index(drop=True)


def _amount_on(versions: pd.DataFrame, spell, line, day) -> np.ndarray:
    """Return a line's full amount for one interval on given days (the first version's before it starts)."""
    position = np.searchsorted(_version_order(versions["spell"], versions["line"], versions["from_day"]), _version_order(spell, line, day), "right") - 1
    found = np.maximum(position, 0)
    wrong_line = (versions["spell"].to_numpy()[found] != spell) | (versions["line"].to_numpy()[found] != line)
    found = np.where(wrong_line, found + 1, found)
    return (versions["quantity"] * versions["unit"] - versions["discount"]).to_numpy()[found]


def _version_order(spell, line, day) -> np.ndarray:
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
    full = _amount_on(versions, spell, line, service_from)
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
    inside = (end_day <= AS_OF) & (end_day <= last["service_to"]).to_numpy() & (end_day > last["service_from"]).to_numpy()
    inside &= (spells["unpaid_from"] == FAR).to_numpy()[spell]
    last, spell, end_day, term, anchor = last[inside], spell[inside], end_day[inside], term[inside], anchor[inside]
    number = period_number(term, anchor, end_day)
    start, end = period_start(term, anchor, number), period_start(term, anchor, number + 1)
    full = _amount_on(versions, spell, last["line"].to_numpy(), end_day - 1)
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
    base = lines[lines["order"] == 0].drop_duplicates(["spell", "line"], keep="last").set_index(["spell", "line"])["number"]
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
    goodwill = lines[(lines["order"] == 0) & (lines["status"] == PAID) & (random.random(len(lines)) < figures.GOODWILL_SHARE)].copy()
    goodwill["credits"] = goodwill["number"]
    goodwill["issued_on"] = np.minimum(goodwill["issued_on"] + 12, AS_OF)
    goodwill["due_on"] = goodwill["paid_on"] = goodwill["issued_on"]
    goodwill["amount"] = -np.rint(goodwill["amount"] * figures.GOODWILL_RATE).astype(np.int64)
    goodwill["is_recurring"] = False
    goodwill["invoice"] = invoices + again["invoice"].nunique() + np.arange(len(goodwill))
    added = pd.concat([again, goodwill[goodwill["amount"] != 0]])
    added["number"] = len(lines) + np.arange(len(added))
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


def contract_rows(accounts: pd.DataFrame, spells: pd.DataFrame, versions: pd.DataFrame) -> dict:
    """Return the raw table `contracts`: one a year of an annual subscription, one a quarter of a quarterly one."""
    random = generator("contracts")
    kinds = accounts["kind"].to_numpy()[spells["account"]]
    bound = np.flatnonzero(
        np.isin(spells["term"], (ANNUAL, QUARTERLY)) & (kinds != INTERNAL) & (spells["paid_day"] <= AS_OF).to_numpy()
    )
    term, anchor = spells["term"].to_numpy()[bound], spells["anchor"].to_numpy()[bound]
    until = np.minimum(spells["end_day"].to_numpy()[bound] - 1, AS_OF)
    last = period_number(term, anchor, until)
    row, number = repeated(last + 1)
    start = np.maximum(period_start(term[row], anchor[row], number), anchor[row])
    end = period_start(term[row], anchor[row], number + 1) - 1
    spell = bound[row]
    factor = np.where(term[row] == QUARTERLY, 4, 1)
    signed_on = np.maximum(start, spells["paid_day"].to_numpy()[spell])
    core = _amount_on(versions, spell, np.full(len(spell), 1), signed_on)
    analytics = versions[versions["line"] == 2].reset_index(drop=True)
    has_analytics = _holds_on(analytics, spell, signed_on)
    extra = np.zeros(len(spell), dtype=np.int64)
    extra[has_analytics] = _amount_on(analytics, spell[has_analytics], np.full(has_analytics.sum(), 2), signed_on[has_analytics])
    currency = accounts["currency"].to_numpy()[spells["account"]][spell]
    contract = np.arange(len(spell))
    last_of_spell = np.full(len(spells), -1)
    last_of_spell[spell] = contract
    replaced = spells["replaces"].to_numpy()[spell]
    first_renews = np.where(replaced >= 0, last_of_spell[np.maximum(replaced, 0)], -1)
    auto_renew = random.random(len(spells)) < figures.AUTO_RENEW_SHARE
    renews = np.where(number > 0, contract - 1, first_renews)
    return {
        "contract_id": keys("C", contract + 1),
        "account_id": account_keys(spells["account"].to_numpy()[spell]),
        "start_date": start,
        "end_date": end,
        "auto_renew": auto_renew[spell],
        "notice_days": np.array(figures.NOTICE_DAYS)[random.integers(0, 3, len(spells))][spell],
        "currency": words(currency, figures.CURRENCIES),
        "annual_amount": (core + extra) * factor * TO_DECIMAL[currency],
        "renews_contract_id": keys("C", np.where(renews < 0, -1, renews + 1)),
    }


def _holds_on(analytics: pd.DataFrame, spell, day) -> np.ndarray:
    """Return whether a subscription holds an analytics line on given days."""
    order = _version_order(analytics["spell"], 2, analytics["from_day"])
    found = np.searchsorted(order, _version_order(spell, 2, day), "right") - 1
    safe = np.maximum(found, 0)
    return (found >= 0) & (analytics["spell"].to_numpy()[safe] == spell) & (analytics["to_day"].to_numpy()[safe] > day)


def in_force(spells: pd.DataFrame, pauses: pd.DataFrame, versions: pd.DataFrame) -> pd.DataFrame:
    """Return the day spans in which recurring lines carry MRR: paid, not paused, a late renewal's gap carried."""
    spell = versions["spell"].to_numpy()
    renewed_on = np.full(len(spells), -1)
    renewals = spells[(spells["replaces"] >= 0) & (spells["anchor"] < spells["start_day"])]
    renewed_on[renewals["replaces"]] = renewals["start_day"]
    end = np.where(renewed_on >= 0, renewed_on, spells["end_day"].to_numpy())[spell]
    spans = versions.assign(
        from_day=np.maximum(versions["from_day"], spells["paid_day"].to_numpy()[spell]),
        to_day=np.minimum(np.minimum(versions["to_day"], end), AS_OF + 1),
    )
    paused_from, paused_to = np.full(len(spells), FAR), np.full(len(spells), FAR)
    paused_from[pauses["spell"]], paused_to[pauses["spell"]] = pauses["paused_from"], pauses["paused_to"]
    before = spans.assign(to_day=np.minimum(spans["to_day"], paused_from[spell]))
    after = spans.assign(from_day=np.maximum(spans["from_day"], paused_to[spell]))
    spans = pd.concat([before, after[paused_from[spell] < FAR]], ignore_index=True)
    return spans[spans["from_day"] < spans["to_day"]].reset_index(drop=True)


def line_months(spans: pd.DataFrame) -> pd.DataFrame:
    """Return each span once a calendar month that it touches: its days there, and whether it holds at the month's end."""
    first, last = month_of(spans["from_day"]), month_of(spans["to_day"] - 1)
    row, offset = repeated(last - first + 1)
    month = first[row] + offset
    from_day, to_day = spans["from_day"].to_numpy()[row], spans["to_day"].to_numpy()[row]
    month_end = first_day(month + 1)
    days = np.minimum(to_day, month_end) - np.maximum(from_day, first_day(month))
    months = spans.iloc[row].reset_index(drop=True)
    return months.assign(month=month, days=days, month_days=month_end - first_day(month), at_end=to_day >= month_end)


def monthly_fraction(accounts, spells, months: pd.DataFrame, net: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return numerator and denominator, in minor units of the line's own currency, of a month of each line."""
    term = spells["term"].to_numpy()[months["spell"]]
    kept = np.where((months["discount_kind"] == RECURRING) & net, months["discount"], 0)
    amount = (months["quantity"] * months["unit"]).to_numpy() - kept
    return amount * np.array([1, 1, 1, 52])[term], np.array([1, 3, 12, 12])[term]


def closing_mrr(accounts, spells, months: pd.DataFrame) -> np.ndarray:
    """Return MRR in yen by customer (root account) and month of the history, at the plan rates of a given month."""
    ends = months[months["at_end"]]
    numerator, denominator = monthly_fraction(accounts, spells, ends)
    account = spells["account"].to_numpy()[ends["spell"]]
    root = accounts["root"].to_numpy()[account]
    currency = accounts["currency"].to_numpy()[account]
    left_out = (accounts["kind"] == INTERNAL).to_numpy()[account]
    result = {}
    for rate in sorted(set(figures.PLAN_RATES.values())):
        factor, unit = np.array([1, rate])[currency], np.array(figures.MINOR_UNITS)[currency]
        yen = np.where(left_out, 0, round_half_up(numerator * factor, denominator * unit))
        table = np.zeros((len(accounts), figures.MONTHS), dtype=np.int64)
        np.add.at(table, (root, ends["month"].to_numpy() - FIRST_MONTH), yen)
        result[rate] = table
    return result


def plan_rate(month: int) -> int:
    """Return the plan rate, USD to JPY, of a month."""
    return [rate for day, rate in figures.PLAN_RATES.items() if month_of(day_number(day)) <= month][-1]


def ledger_rows(accounts, spells, months: pd.DataFrame, lines: pd.DataFrame) -> dict:
    """Return the raw table `revenue_ledger`: recurring revenue by the day, discounts of a campaign, use, services."""
    account = spells["account"].to_numpy()[months["spell"]]
    sold = (accounts["kind"] != INTERNAL).to_numpy()[account]
    numerator, denominator = monthly_fraction(accounts, spells, months)
    share = (months["days"] / months["month_days"]).to_numpy()
    limited = np.where(months["discount_kind"] == LIMITED, months["discount"], 0)
    booked = [
        pd.DataFrame({"month": months["month"], "book": 0, "currency": accounts["currency"].to_numpy()[account], "amount": numerator / denominator * share})[sold],
        pd.DataFrame({"month": months["month"], "book": 1, "currency": accounts["currency"].to_numpy()[account], "amount": -limited / denominator * share})[sold & (limited > 0)],
    ]
    once = lines[(lines["line"] >= METERED_LINE) & (lines["status"] != VOID)]
    line_account = spells["account"].to_numpy()[once["spell"]]
    booked.append(
        pd.DataFrame(
            {
                "month": month_of(once["service_from"]),
                "book": np.where(once["line"] == METERED_LINE, 2, 3),
                "currency": accounts["currency"].to_numpy()[line_account],
                "amount": once["amount"].to_numpy().astype(float),
            }
        )
    )
    ledger = pd.concat(booked).groupby(["month", "book", "currency"], as_index=False)["amount"].sum()
    currency = ledger["currency"].to_numpy()
    return {
        "period": first_day(ledger["month"]),
        "ledger_account": words(ledger["book"], figures.LEDGER.values()),
        "currency": words(currency, figures.CURRENCIES),
        "amount": np.rint(ledger["amount"]).astype(np.int64) * TO_DECIMAL[currency],
    }


def trailing_nrr(mrr_by_rate: dict, month: int) -> float:
    """Return the trailing 12-month NRR at a month of the history, both ends at that month's plan rate."""
    mrr = mrr_by_rate[plan_rate(month)]
    then, now = mrr[:, month - FIRST_MONTH - 12], mrr[:, month - FIRST_MONTH]
    return now[then > 0].sum() / then.sum()


def reported_rows(mrr_by_rate: dict) -> dict:
    """Return the raw table `reported_metrics`: the NRR that finance published on the tenth of the next month."""
    rows = []
    for month in range(FIRST_MONTH + 12, LAST_MONTH):
        name = str(np.datetime64(month, "M"))
        value = round(trailing_nrr(mrr_by_rate, month) + figures.REPORTED_DIFFERENCES.get(name, 0), 4)
        published = int(first_day(month + 1)) + 9
        if name == figures.REPORTED_CORRECTION:
            rows.append((int(first_day(month)), value + figures.REPORTED_CORRECTION_AMOUNT, published))
            published += 20
        rows.append((int(first_day(month)), value, published))
    period, value, published = (np.array(column) for column in zip(*rows, strict=True))
    return {
        "period": period.astype(np.int64),
        "metric_key": ["nrr"] * len(rows),
        "value": np.rint(value * 10_000).astype(np.int64) * 10**6,
        "reported_by": ["finance"] * len(rows),
        "reported_at": instants_or_null(published.astype(np.int64), 17 * 3600),
    }


def rate_rows() -> dict:
    """Return the raw table `exchange_rates`, both ways, so that the company can also report in USD."""
    ends = first_day(np.arange(FIRST_MONTH, LAST_MONTH + 2)) - 1
    rates = [(day_number(day), 0, float(rate)) for day, rate in figures.PLAN_RATES.items()]
    rates += [(int(day), 1, rate) for day, rate in zip(ends, figures.MONTH_END_RATES, strict=True)]
    day, kind, rate = (np.array(column) for column in zip(*rates, strict=True))
    both = np.concatenate([rate, 1 / rate])
    base = np.repeat([1, 0], len(rate))
    return {
        "rate_date": np.tile(day, 2).astype(np.int64),
        "base_currency": words(base, figures.CURRENCIES),
        "quote_currency": words(1 - base, figures.CURRENCIES),
        "rate_type": words(np.tile(kind, 2), ("plan", "month_end")),
        "rate": np.rint(both * 10**8).astype(np.int64),
    }


def economics_rows(accounts: pd.DataFrame, mrr_by_rate: dict, size: float) -> dict:
    """Return the raw table `unit_economics`: a rising margin, and costs that follow new and running customers."""
    random = generator("economics")
    months = np.arange(FIRST_MONTH, LAST_MONTH + 1)
    low, high = figures.GROSS_MARGIN
    margin = low + (high - low) * np.arange(len(months)) / (len(months) - 1)
    starts = month_of(accounts["paid_day"][accounts["kind"] == CUSTOMER])
    new = np.bincount(np.clip(starts, FIRST_MONTH, LAST_MONTH) - FIRST_MONTH, minlength=len(months))
    smoothed = np.convolve(np.pad(new, (1, 1), mode="edge"), [0.25, 0.5, 0.25], mode="valid")
    sales = figures.SALES_BASE_COST * size + figures.ACQUISITION_COST * smoothed * random.uniform(0.95, 1.05, len(months))
    running = (mrr_by_rate[plan_rate(LAST_MONTH)] > 0).sum(axis=0)
    return {
        "period": first_day(months),
        "gross_margin_rate": np.rint(margin * 10_000).astype(np.int64) * 10_000,
        "currency": ["JPY"] * len(months),
        "sales_and_marketing_cost": np.rint(sales / 1000).astype(np.int64) * 1000 * 10_000,
        "cs_cost": np.rint(figures.CS_COST_PER_CUSTOMER * running / 1000).astype(np.int64) * 1000 * 10_000,
    }


def adjustment_rows(accounts: pd.DataFrame) -> dict:
    """Return the raw table `manual_adjustments`."""
    yen_payers = np.flatnonzero((accounts["kind"] == CUSTOMER) & (accounts["currency"] == 0))
    chosen = yen_payers[: len(figures.ADJUSTMENTS)]
    periods, amounts, reasons = zip(*figures.ADJUSTMENTS[: len(chosen)], strict=True)
    return {
        "adjustment_id": keys("J", np.arange(1, len(chosen) + 1), 4),
        "period": np.array([day_number(period) for period in periods]),
        "account_id": account_keys(chosen),
        "amount": np.array(amounts) * 10_000,
        "currency": ["JPY"] * len(chosen),
        "reason": list(reasons),
        "approved_by": ["財務部長"] * len(chosen),
    }


def repeated(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, for rows to be repeated, the row of each repetition and its place (0, 1, …) in the row."""
    counts = np.maximum(np.asarray(counts, dtype=np.int64), 0)
    row = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, place


