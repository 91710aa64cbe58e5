"""What passes between the company and its customers: surveys, tickets, meetings, sales and plans."""

import numpy as np
import pandas as pd

from orchestration.demo import constants as figures
from orchestration.demo import subscriptions as buying
from orchestration.demo.accounts import CHILD, CUSTOMER, INTERNAL, PROSPECT, account_keys
from orchestration.demo.billing import TO_DECIMAL, repeated
from orchestration.demo.days import (
    ANNUAL,
    AS_OF,
    FAR,
    first_day,
    instants,
    month_of,
)
from orchestration.demo.tables import NULL, between, choose, generator, instants_or_null, keys, words
from orchestration.demo.usage import People, chance_of_use, level_on, user_keys

SURVEYS = ("nps", "csat", "ces")
SCALES = np.array([(0, 10), (1, 5), (1, 7)])
TOUCHPOINTS = ("relationship", "support", "onboarding", "product")
LAST_INSTANT = int(instants(AS_OF, 86_399))
HOUR = 3_600_000_000
DAY = 24 * HOUR


def account_months(accounts: pd.DataFrame, spans: pd.DataFrame) -> pd.DataFrame:
    """Return each account (not internal) and month in service, with a random day of service in it."""
    random = generator("account_months")
    spans = spans[(accounts["kind"] != INTERNAL).to_numpy()[spans["account"]]]
    first, last = month_of(spans["from_day"]), month_of(spans["to_day"] - 1)
    row, offset = repeated(last - first + 1)
    month = first[row] + offset
    begin = np.maximum(first_day(month), spans["from_day"].to_numpy()[row])
    end = np.minimum(first_day(month + 1), spans["to_day"].to_numpy()[row])
    months = pd.DataFrame(
        {
            "account": spans["account"].to_numpy()[row],
            "month": month,
            "begin": begin,
            "end": end,
            "day": random.integers(begin, end),
            "leaves_on": spans["leaves_on"].to_numpy()[row],
        }
    )
    return months.sort_values(["account", "month", "begin"], kind="stable", ignore_index=True)


def tickets(accounts: pd.DataFrame, months: pd.DataFrame) -> pd.DataFrame:
    """Return support tickets (numbers); more and slower ones before a churn."""
    random = generator("tickets")
    account, leaves_on = months["account"].to_numpy(), months["leaves_on"].to_numpy()
    leaving = (leaves_on - months["day"] <= 75).to_numpy()
    rate = np.array(figures.TICKETS_PER_MONTH)[level_on(accounts, account, months["day"].to_numpy())]
    row, _ = repeated(random.poisson(rate + figures.TICKETS_BEFORE_CHURN * leaving))
    opened = instants(
        random.integers(months["begin"].to_numpy()[row], months["end"].to_numpy()[row]),
        random.integers(9 * 3600, 20 * 3600, len(row)),
    )
    median = np.where(leaving[row], figures.TICKET_HOURS_MEDIAN_BEFORE_CHURN, figures.TICKET_HOURS_MEDIAN)
    hours = median * np.exp(random.normal(size=len(row)) * figures.TICKET_HOURS_SPREAD)
    seconds = np.maximum(600, np.rint(hours * 3600)).astype(np.int64)
    replied = opened + np.rint(seconds * random.uniform(0.05, 0.5, len(row))).astype(np.int64) * 1_000_000
    result = pd.DataFrame(
        {
            "account": account[row],
            "opened": opened,
            "replied": replied,
            "resolved": opened + seconds * 1_000_000,
            "hours": hours,
            "severity": choose(random, list(figures.SEVERITIES.values()), len(row)),
        }
    )
    return result.sort_values(["opened", "account"], kind="stable", ignore_index=True)


def ticket_rows(found: pd.DataFrame) -> dict:
    """Return the raw table `support_tickets`."""
    return {
        "ticket_id": keys("T", np.arange(1, len(found) + 1), 7),
        "account_id": account_keys(found["account"]),
        "opened_at": found["opened"].to_numpy(),
        "first_replied_at": known(found["replied"].to_numpy()),
        "resolved_at": known(found["resolved"].to_numpy()),
        "severity": words(found["severity"], figures.SEVERITIES),
    }


def known(moments: np.ndarray) -> np.ndarray:
    """Return instants up to the as-of date; later ones are null."""
    return np.where(moments > LAST_INSTANT, NULL, moments)


def survey_sends(
    accounts: pd.DataFrame, months: pd.DataFrame, found_tickets: pd.DataFrame, people: People
) -> pd.DataFrame:
    """Return surveys sent, with what the answer will depend on."""
    parts = [_nps_sends(accounts, months, people), _ticket_sends(accounts, found_tickets, people)]
    sends = pd.concat(parts, ignore_index=True)
    sends = sends[sends["sent"] <= LAST_INSTANT]
    return sends.sort_values(["sent", "survey", "person"], kind="stable", ignore_index=True)


def _nps_sends(accounts, months, people: People) -> pd.DataFrame:
    random = generator("nps_sends")
    account, month = months["account"].to_numpy(), months["month"].to_numpy()
    old_enough = months["day"].to_numpy() - accounts["paid_day"].to_numpy()[account] > 45
    turn = (month + account) % figures.NPS_EVERY_MONTHS == 0
    chosen = np.flatnonzero(old_enough & turn)
    row, place = repeated(np.minimum(figures.NPS_RESPONDENTS, people.count[account[chosen]]))
    chosen = chosen[row]
    return pd.DataFrame(
        {
            "survey": 0,
            "account": account[chosen],
            "person": people.first[account[chosen]] + place,
            "sent": instants(months["day"].to_numpy()[chosen], 10 * 3600 + random.integers(0, 600, len(chosen))),
            "leaves_on": months["leaves_on"].to_numpy()[chosen],
            "hours": 0.0,
            "touchpoint": 0,
        }
    )


def _ticket_sends(accounts, found_tickets, people: People) -> pd.DataFrame:
    random = generator("ticket_sends")
    draw = random.random(len(found_tickets))
    count = len(found_tickets)
    account = found_tickets["account"].to_numpy()
    person = people.first[account] + np.floor(people.count[account] * random.random(count) ** 1.5).astype(np.int64)
    is_csat = draw < figures.CSAT_SEND_SHARE
    is_ces = draw > 1 - figures.CES_SEND_SHARE
    young = found_tickets["opened"].to_numpy() < instants(accounts["paid_day"].to_numpy()[account] + 90, 0)
    sends = pd.DataFrame(
        {
            "survey": np.where(is_csat, 1, 2),
            "account": account,
            "person": person,
            "sent": found_tickets["resolved"].to_numpy() + HOUR,
            "leaves_on": FAR,
            "hours": found_tickets["hours"].to_numpy(),
            "touchpoint": np.select([is_csat, young], [1, 2], 3),
        }
    )
    return sends[is_csat | is_ces]


def send_rows(sends: pd.DataFrame) -> dict:
    """Return the raw table `survey_sends`."""
    return {
        "send_id": keys("D", np.arange(1, len(sends) + 1), 7),
        "survey_type": words(sends["survey"], SURVEYS),
        "account_id": account_keys(sends["account"]),
        "respondent_id": user_keys(sends["person"]),
        "sent_at": sends["sent"].to_numpy(),
    }


def response_rows(accounts: pd.DataFrame, sends: pd.DataFrame, people: People) -> dict:
    """Return the raw table `survey_responses`: NPS follows usage, CSAT the time to resolve."""
    random = generator("responses")
    count = len(sends)
    survey, account = sends["survey"].to_numpy(), sends["account"].to_numpy()
    rate = np.array([figures.NPS_RESPONSE_RATE, figures.CSAT_RESPONSE_RATE, figures.CES_RESPONSE_RATE])[survey]
    responded = sends["sent"].to_numpy() + np.rint(random.gamma(1.5, 1.5, count) * 86_400).astype(np.int64) * 1_000_000
    day = (responded + figures.UTC_OFFSET_HOURS * HOUR) // DAY
    answered = (random.random(count) < rate) & (responded <= LAST_INSTANT) & (day < sends["leaves_on"].to_numpy())
    nps = nps_mean(accounts, account, day, sends["leaves_on"].to_numpy())
    nps = nps + people.bias[sends["person"]] + random.normal(size=count) * figures.NPS_ANSWER_SPREAD
    limits, means = zip(*figures.CSAT_BY_HOURS, strict=True)
    csat = np.array(means)[np.searchsorted(limits, sends["hours"].to_numpy())] + random.normal(size=count) * 0.8
    ces = figures.CES_MEAN + random.normal(size=count) * 1.2
    low, high = SCALES[survey].T
    score = np.clip(np.rint(np.choose(survey, [nps, csat, ces])), low, high).astype(np.int64)
    comment = np.where(random.random(count) < 0.15, random.integers(0, len(figures.COMMENTS), count), -1)
    rows = np.flatnonzero(answered)
    rows = rows[np.argsort(responded[rows], kind="stable")]
    return {
        "response_id": keys("R", np.arange(1, len(rows) + 1), 7),
        "survey_type": words(survey[rows], SURVEYS),
        "account_id": account_keys(account[rows]),
        "respondent_id": user_keys(sends["person"].to_numpy()[rows]),
        "score": score[rows],
        "scale_min": low[rows],
        "scale_max": high[rows],
        "responded_at": responded[rows],
        "touchpoint": words(sends["touchpoint"].to_numpy()[rows], TOUCHPOINTS),
        "comment": words(comment[rows], figures.COMMENTS),
    }


def nps_mean(accounts: pd.DataFrame, account, day, leaves_on) -> np.ndarray:
    """Return the mean NPS score by the days of use to expect in 28 days."""
    expected_days = chance_of_use(accounts, account, day, leaves_on) * 4 * sum(figures.WEEKDAY_FACTOR)
    mean = np.zeros(len(expected_days))
    for lower, score in reversed(figures.NPS_BY_USAGE):
        mean = np.where(expected_days >= lower, score, mean)
    return mean


class Managers:
    """Who looks after each customer: a first manager, and for some another one from a later day on."""

    def __init__(self, accounts: pd.DataFrame):
        """Assign the customers; some of the smallest plan have nobody."""
        random = generator("managers")
        self.customers = np.flatnonzero((accounts["kind"] == CUSTOMER) & (accounts["paid_day"] <= AS_OF))
        count = len(self.customers)
        team = max(4, round(count / figures.CUSTOMERS_PER_CSM))
        self.since = accounts["start_day"].to_numpy()[self.customers]
        self.first = random.integers(0, team, count)
        self.second = (self.first + 1 + random.integers(0, team - 1, count)) % team
        later = self.since + between(random, (120, 500), count)
        moves = (random.random(count) < figures.CSM_REASSIGNED_SHARE) & (later <= AS_OF)
        self.change = np.where(moves, first_day(month_of(later)), FAR)
        self.assigned = (accounts["plan"].to_numpy()[self.customers] > 0) | (
            random.random(count) > figures.UNASSIGNED_SHARE
        )
        self.position = np.full(len(accounts), -1)
        self.position[self.customers] = np.arange(count)

    def on(self, root: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Return the manager of customers on days; -1 for nobody."""
        place = self.position[root]
        manager = np.where(day >= self.change[place], self.second[place], self.first[place])
        return np.where((place >= 0) & self.assigned[place], manager, -1)

    def rows(self) -> dict:
        """Return the raw table `csm_assignments`."""
        first = np.flatnonzero(self.assigned)
        second = np.flatnonzero(self.assigned & (self.change < FAR))
        return {
            "account_id": account_keys(self.customers[np.concatenate([first, second])]),
            "csm_id": manager_keys(np.concatenate([self.first[first], self.second[second]])),
            "valid_from": instants_or_null(np.concatenate([self.since[first], self.change[second]]), 0),
            "valid_to": instants_or_null(np.concatenate([self.change[first], np.full(len(second), FAR)]), 0),
        }


def manager_keys(numbers):
    """Return keys of customer-success managers."""
    return keys("CSM", np.where(np.asarray(numbers) < 0, -1, np.asarray(numbers) + 1), 3)


def activity_rows(accounts: pd.DataFrame, months: pd.DataFrame, managers: Managers) -> dict:
    """Return the raw table `engagement_activities`: larger plans are met more often, those who leave attend less."""
    random = generator("activities")
    account = months["account"].to_numpy()
    chance = np.array(list(figures.ACTIVITIES.values()))[:, accounts["plan"].to_numpy()[account]]
    kind, row = np.nonzero(random.random(chance.shape) < chance)
    account = account[row]
    day = random.integers(months["begin"].to_numpy()[row], months["end"].to_numpy()[row])
    leaving = months["leaves_on"].to_numpy()[row] - day <= 75
    attendance = np.array(figures.ATTENDANCE)[level_on(accounts, account, day)]
    attended = random.random(len(row)) < attendance * np.where(leaving, figures.ATTENDANCE_BEFORE_CHURN, 1.0)
    occurred = instants(day, random.integers(10 * 3600, 18 * 3600, len(row)))
    order = np.lexsort((kind, account, occurred))
    return {
        "activity_id": keys("K", np.arange(1, len(order) + 1), 7),
        "account_id": account_keys(account[order]),
        "csm_id": manager_keys(managers.on(accounts["root"].to_numpy()[account], day)[order]),
        "activity_type": words(kind[order], figures.ACTIVITIES),
        "occurred_at": occurred[order],
        "attended": attended[order],
    }


def opportunities(
    accounts: pd.DataFrame, spells: pd.DataFrame, versions: pd.DataFrame, months: pd.DataFrame
) -> pd.DataFrame:
    """Return sales opportunities (numbers): won ones behind what was bought, lost and open ones beside them."""
    random = generator("opportunities")
    core = versions[versions["line"] == 1]
    first = core.drop_duplicates("spell")
    yearly = np.array([12, 4, 1, 52])[spells["term"].to_numpy()[core["spell"]]]
    core = core.assign(
        annual=core["quantity"] * core["unit"] * yearly, account=spells["account"].to_numpy()[core["spell"]]
    )
    first = core.drop_duplicates("spell")
    kinds = accounts["kind"].to_numpy()
    bought = first[np.isin(kinds[first["account"]], (CUSTOMER, CHILD))]
    grown = core[(core["spell"] == core["spell"].shift()) & (core["quantity"] > core["quantity"].shift() * 1.08)]
    grown = grown.assign(annual=grown["annual"] * 0.1)
    added = versions[(versions["line"] == 2)].drop_duplicates("spell")
    added = added.assign(
        account=spells["account"].to_numpy()[added["spell"]],
        annual=added["quantity"] * added["unit"] * np.array([12, 4, 1, 52])[spells["term"].to_numpy()[added["spell"]]],
    )
    renewed = _anniversaries(spells, first)
    lost = months[random.random(len(months)) < figures.LOST_OPPORTUNITY_PER_MONTH]
    size = first.drop_duplicates("account").set_index("account")["annual"].reindex(lost["account"]).to_numpy()
    tried = np.flatnonzero(kinds == PROSPECT)
    parts = [
        _deals(bought["account"], 0, 1, bought["from_day"], bought["annual"]),
        _deals(grown["account"], 1, 1, grown["from_day"], grown["annual"]),
        _deals(added["account"], 2, 1, added["from_day"], added["annual"]),
        renewed,
        _deals(lost["account"], random.integers(1, 3, len(lost)), 0, lost["day"], size * 0.15),
        _deals(tried, 0, 0, accounts["start_day"].to_numpy()[tried], _prospect_amount(accounts, tried)),
    ]
    deals = pd.concat(parts, ignore_index=True)
    deals = deals[deals["day"] <= AS_OF].sort_values(["day", "account", "kind"], kind="stable", ignore_index=True)
    recent = (deals["day"] > AS_OF - 60) & (deals["won"] == 0)
    still_open = recent | ((deals["won"] == 0) & (random.random(len(deals)) < figures.OPEN_OPPORTUNITY_SHARE))
    return deals.assign(won=np.where(still_open, -1, deals["won"]), day=np.where(still_open, FAR, deals["day"]))


def _prospect_amount(accounts: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    chosen = accounts.iloc[rows]
    monthly = np.zeros(len(rows), dtype=np.int64)
    return (
        chosen["seats"].to_numpy()
        * 12
        * buying.list_price(chosen["currency"], chosen["plan"], monthly, chosen["start_day"])
    )


def _deals(account, kind, won, day, annual) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "account": np.asarray(account),
            "kind": kind,
            "won": won,
            "day": np.asarray(day),
            "annual": np.rint(np.asarray(annual, dtype=float)).astype(np.int64),
        }
    )


def _anniversaries(spells: pd.DataFrame, first: pd.DataFrame) -> pd.DataFrame:
    """Return a renewal deal for each year of an annual subscription."""
    yearly = spells.assign(annual=first.set_index("spell")["annual"].reindex(np.arange(len(spells))).to_numpy())
    yearly = yearly[yearly["term"] == ANNUAL]
    parts = []
    for year in (1, 2):
        day = yearly["anchor"].to_numpy() + 365 * year
        goes_on = day < yearly["leaves_on"].to_numpy() - 5
        reached = (day - 5 <= yearly["leaves_on"].to_numpy()) & (day <= AS_OF)
        parts.append(
            _deals(yearly["account"][reached], 3, goes_on[reached].astype(int), day[reached], yearly["annual"][reached])
        )
    return pd.concat(parts)


def opportunity_rows(accounts: pd.DataFrame, deals: pd.DataFrame) -> dict:
    """Return the raw table `opportunities`."""
    currency = accounts["currency"].to_numpy()[deals["account"]]
    return {
        "opportunity_id": opportunity_keys(np.arange(len(deals))),
        "account_id": account_keys(deals["account"]),
        "opportunity_type": words(deals["kind"], ("new", "upsell", "cross_sell", "renewal")),
        "is_won": deals["won"].to_numpy().astype(np.int8),
        "closed_at": instants_or_null(deals["day"], 0),
        "annual_amount": deals["annual"].to_numpy() * TO_DECIMAL[currency],
        "currency": words(currency, figures.CURRENCIES),
    }


def opportunity_keys(numbers):
    """Return opportunity keys."""
    return keys("O", np.where(np.asarray(numbers) < 0, -1, np.asarray(numbers) + 1))


def handoff_rows(accounts: pd.DataFrame) -> dict:
    """Return the raw table `handoffs`."""
    random = generator("handoffs")
    customers = np.flatnonzero((accounts["kind"] == CUSTOMER) & (accounts["start_day"] <= AS_OF))
    customers = customers[random.random(len(customers)) < figures.HANDOFF_SHARE]
    count = len(customers)
    won = np.maximum(
        accounts["start_day"].to_numpy()[customers] - between(random, (1, 14), count),
        accounts["created_day"].to_numpy()[customers],
    )
    done = won + between(random, (1, 21), count)
    rows = {
        "handoff_id": keys("H", np.arange(1, count + 1)),
        "account_id": account_keys(customers),
        "closed_won_at": instants_or_null(won, 17 * 3600),
        "completed_at": known(instants_or_null(np.where(random.random(count) < 0.05, FAR, done), 17 * 3600)),
    }
    for name, texts in figures.HANDOFF_TEXTS.items():
        given = random.random(count) < figures.HANDOFF_ITEM_SHARE
        rows[name] = words(np.where(given, random.integers(0, len(texts), count), -1), texts)
    return rows


def feedback_rows(accounts: pd.DataFrame, months: pd.DataFrame, deals: pd.DataFrame) -> dict:
    """Return the raw table `cs_feedback`; half of the upsell signals name the next upsell, where there is one."""
    random = generator("feedback")
    said = months[random.random(len(months)) < figures.FEEDBACK_PER_MONTH]
    said = said.sort_values(["day", "account"], kind="stable")
    account, day = said["account"].to_numpy(), said["day"].to_numpy()
    kind = choose(random, list(figures.FEEDBACK_KINDS.values()), len(said))
    upsells = deals[deals["kind"].isin([1, 2]) & (deals["day"] < FAR)]
    order = np.lexsort((upsells["day"], upsells["account"]))
    sought = upsells["account"].to_numpy()[order] * FAR + upsells["day"].to_numpy()[order]
    place = np.searchsorted(sought, account * FAR + day)
    safe = np.minimum(place, len(sought) - 1)
    found = (place < len(sought)) & (sought[safe] // FAR == account) & (kind == 1) & (random.random(len(said)) < 0.5)
    return {
        "feedback_id": keys("F", np.arange(1, len(said) + 1)),
        "account_id": account_keys(account),
        "feedback_kind": words(kind, figures.FEEDBACK_KINDS),
        "created_at": instants(day, random.integers(9 * 3600, 18 * 3600, len(said))),
        "linked_opportunity_id": opportunity_keys(np.where(found, upsells.index.to_numpy()[order][safe], -1)),
    }


def referral_rows(accounts: pd.DataFrame, months: pd.DataFrame) -> dict:
    """Return the raw table `referrals`; a few companies are recommended twice."""
    random = generator("referrals")
    named = months[
        (random.random(len(months)) < figures.REFERRAL_PER_MONTH)
        & (level_on(accounts, months["account"].to_numpy(), months["day"].to_numpy()) <= 1)
    ]
    named = named.sort_values(["day", "account"], kind="stable")
    count = len(named)
    company = np.arange(1, count + 1) - (random.random(count) < 0.08)
    return {
        "referral_id": keys("Y", np.arange(1, count + 1), 5),
        "referrer_account_id": account_keys(named["account"]),
        "referred_account_key": keys("LEAD", np.maximum(company, 1), 5),
        "referred_at": instants(named["day"], 14 * 3600),
        "status": words(choose(random, list(figures.REFERRAL_STATUS.values()), count), figures.REFERRAL_STATUS),
    }


def plan_rows(accounts: pd.DataFrame, spells: pd.DataFrame) -> dict:
    """Return the raw table `success_plans`."""
    random = generator("plans")
    customers = np.flatnonzero((accounts["kind"] == CUSTOMER) & (accounts["paid_day"] <= AS_OF))
    customers = customers[
        random.random(len(customers)) < np.array(figures.SUCCESS_PLAN_SHARE)[accounts["plan"].to_numpy()[customers]]
    ]
    count = len(customers)
    paid = accounts["paid_day"].to_numpy()[customers]
    due = paid + between(random, (90, 270), count)
    achieved = paid + between(random, (60, 260), count)
    gone = np.full(len(accounts), FAR)
    first = spells[spells["number"] == 0]
    gone[first["account"]] = first["end_day"]
    met = (random.random(count) < figures.SUCCESS_ACHIEVED_SHARE) & (achieved <= AS_OF) & (achieved < gone[customers])
    return {
        "plan_id": keys("P", np.arange(1, count + 1)),
        "account_id": account_keys(customers),
        "goal": words(random.integers(0, len(figures.SUCCESS_GOALS), count), figures.SUCCESS_GOALS),
        "target_value": np.where(random.random(count) < 0.2, NULL, random.integers(5, 96, count) * 10_000),
        "due_date": due,
        "achieved_at": instants_or_null(np.where(met, achieved, FAR), 16 * 3600),
    }
