"""Who uses the product, and every use of it: levels, seasons, onboarding, and the sinking before a churn."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from orchestration.demo import constants as figures
from orchestration.demo.accounts import CHILD, CUSTOMER, account_keys
from orchestration.demo.billing import repeated
from orchestration.demo.days import AS_OF, FAR, FIRST_MONTH, LAST_MONTH, first_day, instants
from orchestration.demo.tables import NULL, generator, instants_or_null, keys, words

CELLS_PER_STEP = 3_000_000  # account-days looked at in one step: bounds the memory
DAY_CHANCE = np.array([level["day_chance"] for level in figures.USAGE_LEVELS])
EVENTS_A_DAY = np.array([level["events"] for level in figures.USAGE_LEVELS])
FEATURES_USED = np.array([level["features"] for level in figures.USAGE_LEVELS])


def feature_rows() -> dict:
    """Return the raw table `features`."""
    names, core, high_value = zip(*figures.FEATURES, strict=True)
    return {"feature_key": list(names), "is_core": np.array(core), "is_high_value": np.array(high_value)}


class People:
    """The users of each account: `first` is the number of its first user, `count` how many it has."""

    def __init__(self, accounts: pd.DataFrame, spells: pd.DataFrame):
        """Number the users account by account; an account without a service has none."""
        random = generator("users")
        served = np.zeros(len(accounts), dtype=bool)
        served[spells["account"]] = True
        wanted = np.rint(accounts["seats"].to_numpy() * figures.USERS_PER_SEAT)
        self.count = np.where(served, np.clip(wanted, *figures.USERS_RANGE), 0).astype(np.int64)
        self.first = np.cumsum(self.count) - self.count
        self.has_internal = served & (random.random(len(accounts)) < figures.INTERNAL_USER_SHARE)
        self.internal_number = self.count.sum() + np.cumsum(self.has_internal) - 1
        self.total = int(self.count.sum())
        self.since = accounts["start_day"].to_numpy()
        bias = generator("people").normal(size=self.total) * figures.NPS_PERSON_SPREAD
        self.bias = bias

    def rows(self, spells: pd.DataFrame) -> dict:
        """Return the raw table `users`: activated within the first weeks, switched off when the account leaves."""
        account, place = repeated(self.count)
        activated = self.since[account] - (-figures.USER_ACTIVATION_DAYS * place // self.count[account])
        last_end = spells.sort_values(["account", "number"], kind="stable").groupby("account")["end_day"].last()
        end_of_account = np.full(len(self.count), FAR)
        end_of_account[last_end.index] = last_end.to_numpy()
        off = end_of_account[account]
        known = activated <= np.minimum(AS_OF, off - 1)
        vendor = np.flatnonzero(self.has_internal)
        number = np.concatenate([self.first[account] + place, self.internal_number[vendor]])
        account = np.concatenate([account, vendor])
        activated = np.concatenate([activated, self.since[vendor]])
        off = np.concatenate([np.where(off <= AS_OF, off, FAR), np.full(len(vendor), FAR)])
        internal = np.concatenate([np.zeros(len(known), dtype=bool), np.ones(len(vendor), dtype=bool)])
        kept = np.concatenate([known, np.ones(len(vendor), dtype=bool)])
        return {
            "user_id": user_keys(number[kept]),
            "account_id": account_keys(account[kept]),
            "is_internal": internal[kept],
            "activated_at": instants_or_null(activated[kept], 5 * 3600),
            "deactivated_at": instants_or_null(off[kept], 0),
        }

    def available(self, account: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Return how many users of an account are active on a day."""
        reached = 1 + self.count[account] * np.maximum(day - self.since[account], 0) // figures.USER_ACTIVATION_DAYS
        return np.clip(reached, 1, self.count[account])


def user_keys(numbers):
    """Return user keys; also the respondents of surveys."""
    return keys("U", np.where(np.asarray(numbers) < 0, -1, np.asarray(numbers) + 1), 7)


def service_spans(accounts: pd.DataFrame, spells: pd.DataFrame, pauses: pd.DataFrame) -> pd.DataFrame:
    """Return when each account can use the product, trials too, and the day on which it leaves, if it does."""
    renewed = np.zeros(len(spells), dtype=bool)
    renewed[spells["replaces"][spells["replaces"] >= 0]] = True
    paused_from, paused_to = np.full(len(spells), FAR), np.full(len(spells), FAR)
    paused_from[pauses["spell"]], paused_to[pauses["spell"]] = pauses["paused_from"], pauses["paused_to"]
    leaves_on = np.where(renewed | ~spells["churns"], FAR, spells["leaves_on"])
    end = np.minimum(spells["end_day"].to_numpy(), AS_OF + 1)
    spans = pd.DataFrame(
        {
            "account": spells["account"].to_numpy(),
            "from_day": spells["start_day"].to_numpy(),
            "to_day": np.minimum(end, paused_from),
            "leaves_on": leaves_on,
        }
    )
    after = spans.assign(from_day=paused_to, to_day=end)[paused_from < FAR]
    spans = pd.concat([spans, after])
    return spans[spans["from_day"] < spans["to_day"]].sort_values(
        ["from_day", "account"], kind="stable", ignore_index=True
    )


def day_factors(first: int, last: int) -> np.ndarray:
    """Return how much the product is used on each day of a span: weekdays and holidays."""
    days = np.arange(first, last + 1)
    factor = np.array(figures.WEEKDAY_FACTOR)[(days + 3) % 7]  # 1970-01-01 was a Thursday
    dates = days.astype("datetime64[D]").astype(object)
    return factor * np.array([figures.HOLIDAYS.get((date.month, date.day), 1.0) for date in dates])


def churn_factor(days_left: np.ndarray) -> np.ndarray:
    """Return the factor on use by the days left until a customer leaves."""
    factor = np.ones(np.shape(days_left))
    for first, last, value in figures.USAGE_BEFORE_CHURN:
        factor = np.where((days_left >= first) & (days_left <= last), value, factor)
    return factor


def level_on(accounts: pd.DataFrame, account: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return the usage level of accounts on days: the onboarded use the product more in their first months."""
    onboards = accounts["onboards"].to_numpy()[account]
    young = day - accounts["start_day"].to_numpy()[account] < figures.ONBOARDING_USAGE_DAYS
    level = accounts["level"].to_numpy()[account]
    return np.where(onboards & young, np.minimum(level, figures.ONBOARDING_USAGE_LEVEL), level)


def chance_of_use(accounts: pd.DataFrame, account, day, leaves_on) -> np.ndarray:
    """Return the chance that an account uses the product on an ordinary weekday."""
    return DAY_CHANCE[level_on(accounts, account, day)] * churn_factor(leaves_on - day)


def event_parts(accounts: pd.DataFrame, spans: pd.DataFrame, people: People) -> Iterator[dict]:
    """Yield the raw table `usage_events` month by month, in steps of bounded size."""
    written = 0
    account_names = account_keys(np.arange(len(accounts)))
    feature_names = [feature[0] for feature in figures.FEATURES]
    for month in range(FIRST_MONTH, LAST_MONTH + 1):
        first, last = int(first_day(month)), int(first_day(month + 1)) - 1
        here = spans[(spans["from_day"] <= last) & (spans["to_day"] > first)]
        step_size = CELLS_PER_STEP // (last - first + 1)
        for step, begin in enumerate(range(0, len(here), step_size)):
            random = generator("events", month, step)
            events = _events(random, accounts, people, here.iloc[begin : begin + step_size], first, last)
            account, day, second, user, feature, quantity = events
            order = np.lexsort((account, second, day))
            numbers = written + 1 + np.arange(len(account))
            written += len(account)
            yield {
                "event_id": keys("E", numbers, 9),
                "account_id": words(account[order], account_names),
                "user_id": user_keys(user[order]),
                "feature_key": words(feature[order], feature_names),
                "occurred_at": instants(day[order], second[order]),
                "quantity": quantity[order],
            }


def _events(
    random: np.random.Generator, accounts: pd.DataFrame, people: People, spans: pd.DataFrame, first: int, last: int
):
    """Return account, day, second, user, feature and quantity of the events of some accounts in one month."""
    days = np.arange(first, last + 1)
    account = spans["account"].to_numpy()
    inside = (days >= spans["from_day"].to_numpy()[:, None]) & (days < spans["to_day"].to_numpy()[:, None])
    chance = chance_of_use(accounts, account[:, None], days[None, :], spans["leaves_on"].to_numpy()[:, None])
    mood = np.exp(random.normal(size=len(spans)) * figures.USAGE_MONTH_SPREAD)
    chance = np.minimum(chance * mood[:, None] * day_factors(first, last), 0.97) * inside
    row, column = np.nonzero(random.random(chance.shape, dtype=np.float32) < chance)
    level = level_on(accounts, account[row], days[column])
    count = 1 + random.poisson(EVENTS_A_DAY[level] - 1)
    use = np.repeat(np.arange(len(row)), count)
    row, column, level = row[use], column[use], level[use]
    account, day, total = account[row], days[column], len(use)

    features = np.floor(FEATURES_USED[level] * random.random(total) ** figures.FEATURE_SKEW).astype(np.int64)
    user = people.first[account] + np.floor(people.available(account, day) * random.random(total) ** 1.5).astype(
        np.int64
    )
    draw = random.random(total)
    vendor = people.has_internal[account] & (draw < figures.INTERNAL_EVENT_SHARE)
    user = np.where(vendor, people.internal_number[account], user)
    user = np.where(draw > 1 - figures.NO_USER_EVENT_SHARE, -1, user)
    counted = np.isin(features, [[f[0] for f in figures.FEATURES].index(key) for key in figures.COUNTED_FEATURES])
    quantity = np.where(counted, random.integers(1, 500, total) * 10_000, NULL)
    second = np.clip(random.normal(13.5 * 3600, 2.6 * 3600, total), 6 * 3600, 86_399).astype(np.int64)
    started = spans["from_day"].to_numpy()[row] == day
    second = np.where(started, np.maximum(second, 18 * 3600), second)
    return account, day, second, user, features, quantity


def onboarding_rows(accounts: pd.DataFrame, spells: pd.DataFrame) -> dict:
    """Return the raw table `onboarding_milestones`; a child's roll-out is optional, so that it binds no customer."""
    random = generator("milestones")
    first = spells[spells["number"] == 0].set_index("account")
    gone = np.full(len(accounts), FAR)
    gone[first.index] = first["end_day"]
    customers = np.flatnonzero((accounts["kind"] == CUSTOMER) & (accounts["paid_day"] <= AS_OF))
    paid, day = accounts["paid_day"].to_numpy()[customers], accounts["onboarding_day"].to_numpy()[customers]
    reached = random.integers(figures.UNFINISHED_MILESTONES[0], figures.UNFINISHED_MILESTONES[1] + 1, len(customers))
    parts = []
    for place, (key, required, first_value, share) in enumerate(figures.MILESTONES):
        slow = np.where(place < reached, 12 + np.rint(150 * share * random.uniform(0.5, 1.2, len(customers))), FAR)
        done = paid + np.where(day < FAR, np.rint(day * share), slow).astype(np.int64)
        skipped = ~np.bool_(required) & (random.random(len(customers)) < 0.4)
        parts.append((customers, place, paid, np.where(skipped, FAR, done), required, first_value, key))
    children = np.flatnonzero((accounts["kind"] == CHILD) & (accounts["paid_day"] <= AS_OF))
    child_paid = accounts["paid_day"].to_numpy()[children]
    child_done = child_paid + random.integers(20, 120, len(children))
    parts.append((children, len(figures.MILESTONES), child_paid, child_done, False, False, "subsidiary_rollout"))

    account = np.concatenate([part[0] for part in parts])
    places = np.concatenate([np.full(len(part[0]), part[1]) for part in parts])
    due = np.concatenate([part[2] for part in parts]) + figures.ONBOARDING_DAYS
    done = np.concatenate([part[3] for part in parts])
    done = np.where((done > AS_OF) | (done >= gone[account]), FAR, done)
    order = np.lexsort((places, account))
    are_required, are_first_value, names = (np.array([part[index] for part in parts]) for index in (4, 5, 6))
    account, places, due, done = account[order], places[order], due[order], done[order]
    return {
        "milestone_id": keys("M", np.arange(1, len(account) + 1)),
        "account_id": account_keys(account),
        "milestone_key": words(places, names.tolist()),
        "is_required": are_required[places],
        "is_first_value": are_first_value[places],
        "due_at": instants_or_null(due, 18 * 3600),
        "completed_at": instants_or_null(done, random.integers(9 * 3600, 18 * 3600, len(done))),
    }
