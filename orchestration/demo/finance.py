"""Contracts, recognised revenue, rates, costs, and the NRR that finance reported."""

import numpy as np
import pandas as pd

from orchestration.demo import constants as figures
from orchestration.demo.accounts import CUSTOMER, INTERNAL, account_keys
from orchestration.demo.billing import METERED_LINE, TO_DECIMAL, VOID, amount_on, repeated, version_order
from orchestration.demo.days import (
    ANNUAL,
    AS_OF,
    FAR,
    FIRST_MONTH,
    LAST_MONTH,
    QUARTERLY,
    day_number,
    first_day,
    month_of,
    period_number,
    period_start,
)
from orchestration.demo.subscriptions import LIMITED, RECURRING, round_half_up
from orchestration.demo.tables import generator, instants_or_null, keys, words


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
    core = amount_on(versions, spell, np.full(len(spell), 1), signed_on)
    analytics = versions[versions["line"] == 2].reset_index(drop=True)
    has_analytics = _holds_on(analytics, spell, signed_on)
    extra = np.zeros(len(spell), dtype=np.int64)
    extra[has_analytics] = amount_on(
        analytics, spell[has_analytics], np.full(has_analytics.sum(), 2), signed_on[has_analytics]
    )
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
    order = version_order(analytics["spell"], 2, analytics["from_day"])
    found = np.searchsorted(order, version_order(spell, 2, day), "right") - 1
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
    """Return each span once a month that it touches: its days there, and whether it holds at the month's end."""
    first, last = month_of(spans["from_day"]), month_of(spans["to_day"] - 1)
    row, offset = repeated(last - first + 1)
    month = first[row] + offset
    from_day, to_day = spans["from_day"].to_numpy()[row], spans["to_day"].to_numpy()[row]
    month_end = first_day(month + 1)
    days = np.minimum(to_day, month_end) - np.maximum(from_day, first_day(month))
    months = spans.iloc[row].reset_index(drop=True)
    return months.assign(month=month, days=days, month_days=month_end - first_day(month), at_end=to_day >= month_end)


def monthly_fraction(spells: pd.DataFrame, months: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return numerator and denominator, in minor units of the line's own currency, of a month of each line."""
    term = spells["term"].to_numpy()[months["spell"]]
    kept = np.where(months["discount_kind"] == RECURRING, months["discount"], 0)
    amount = (months["quantity"] * months["unit"]).to_numpy() - kept
    return amount * np.array([1, 1, 1, 52])[term], np.array([1, 3, 12, 12])[term]


def closing_mrr(accounts: pd.DataFrame, spells: pd.DataFrame, months: pd.DataFrame) -> dict[int, np.ndarray]:
    """Return, for each plan rate, MRR in yen by customer (root account) and month of the history at that rate."""
    ends = months[months["at_end"]]
    numerator, denominator = monthly_fraction(spells, ends)
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
    numerator, denominator = monthly_fraction(spells, months)
    share = (months["days"] / months["month_days"]).to_numpy()
    limited = np.where(months["discount_kind"] == LIMITED, months["discount"], 0)
    daily = pd.DataFrame({"month": months["month"], "currency": accounts["currency"].to_numpy()[account]})
    booked = [
        daily.assign(book=0, amount=numerator / denominator * share)[sold],
        daily.assign(book=1, amount=-limited / denominator * share)[sold & (limited > 0)],
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
    period, values, days = (np.array(column) for column in zip(*rows, strict=True))
    return {
        "period": period.astype(np.int64),
        "metric_key": ["nrr"] * len(rows),
        "value": np.rint(values * 10_000).astype(np.int64) * 10**6,
        "reported_by": ["finance"] * len(rows),
        "reported_at": instants_or_null(days.astype(np.int64), 17 * 3600),
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
    sales = figures.SALES_BASE_COST * size + figures.ACQUISITION_COST * smoothed * random.uniform(
        0.95, 1.05, len(months)
    )
    running = (mrr_by_rate[plan_rate(LAST_MONTH)] > 0).sum(axis=0)
    return {
        "period": first_day(months),
        "gross_margin_rate": np.rint(margin * 10_000).astype(np.int64) * 10_000,
        "currency": ["JPY"] * len(months),
        "sales_and_marketing_cost": np.rint(sales / 1000).astype(np.int64) * 1000 * 10_000,
        "cs_cost": np.rint(figures.CS_COST_PER_CUSTOMER * running / 1000).astype(np.int64) * 1000 * 10_000,
    }


def chosen_adjustments(accounts: pd.DataFrame, spells: pd.DataFrame, months: pd.DataFrame) -> pd.DataFrame:
    """Return the manual adjustments, each on another core line of a yen customer that pays well in its month."""
    account = spells["account"].to_numpy()[months["spell"]]
    is_yen_payer = ((accounts["kind"] == CUSTOMER) & (accounts["currency"] == 0)).to_numpy()[account]
    numerator, denominator = monthly_fraction(spells, months)
    pays_well = numerator >= figures.ADJUSTED_FROM_MRR * denominator
    eligible = months.assign(account=account)[is_yen_payer & pays_well & (months["line"] == 1) & months["at_end"]]
    chosen, taken = [], set()
    for period, amount, reason in figures.ADJUSTMENTS:
        rows = eligible[(eligible["month"] == month_of(day_number(period))) & ~eligible["account"].isin(taken)]
        if len(rows):
            row = rows.sort_values(["account", "spell"], kind="stable").iloc[0]
            taken.add(row["account"])
            chosen.append((row["account"], row["spell"], row["line"], row["month"], amount, reason))
    return pd.DataFrame(chosen, columns=["account", "spell", "line", "month", "amount", "reason"])


def adjustment_rows(adjustments: pd.DataFrame) -> dict:
    """Return the raw table `manual_adjustments`."""
    return {
        "adjustment_id": keys("J", np.arange(1, len(adjustments) + 1), 4),
        "period": first_day(adjustments["month"].to_numpy(dtype=np.int64)),
        "account_id": account_keys(adjustments["account"].to_numpy(dtype=np.int64)),
        "amount": adjustments["amount"].to_numpy(dtype=np.int64) * 10_000,
        "currency": ["JPY"] * len(adjustments),
        "reason": list(adjustments["reason"]),
        "approved_by": ["財務部長"] * len(adjustments),
    }
