"""Who the accounts are: customers, their children, lost trials, prospects and the company's own accounts."""

import numpy as np
import pandas as pd

from orchestration.demo import constants as figures
from orchestration.demo.days import ANNUAL, AS_OF, FAR, FIRST_MONTH, first_day, month_of
from orchestration.demo.names import CHILD, CUSTOMER, INTERNAL, LOST_TRIAL, PROSPECT, company_names
from orchestration.demo.tables import NULL, between, choose, generator, instants_or_null, keys, words

NEVER = FAR  # a day of onboarding that does not come


def make_customers(size: float) -> pd.DataFrame:
    """Return one row a buying root account, in the order of their starts."""
    count = max(20, round(figures.CUSTOMERS_PER_SIZE * size))
    random = generator("customers")
    months = np.arange(figures.MONTHS)
    weights = (1 + figures.NEW_CUSTOMER_GROWTH_PER_MONTH * months) * np.array(
        [figures.NEW_CUSTOMER_SEASON[(FIRST_MONTH + month) % 12] for month in months]
    )
    weights[0] *= figures.LAUNCH_MONTH_FACTOR
    month = FIRST_MONTH + np.sort(choose(random, weights, count))
    customers = _profiles(random, count, CUSTOMER)
    plan = customers["plan"].to_numpy()
    has_trial = random.random(count) < np.array([each["trial"] for each in figures.PLANS])[plan]
    customers["has_trial"] = has_trial & (customers["term"] != ANNUAL).to_numpy()
    on_the_first = (customers["term"] == ANNUAL).to_numpy() & (random.random(count) < 0.5)
    day = np.where(on_the_first, 1, between(random, (2, 28), count))
    _set_start(customers, random, first_day(month) + day - 1)
    customers = customers.sort_values("start_day", kind="stable", ignore_index=True)
    customers["root"] = np.arange(count)
    _set_onboarding(customers, generator("onboarding"))
    return customers


def make_others(customers: pd.DataFrame, life_end: np.ndarray) -> pd.DataFrame:
    """Return the accounts beside the customers; `life_end` is the day on which each customer's first life ends."""
    parts = [
        _children(customers, life_end),
        _short_lived("lost_trials", LOST_TRIAL, round(len(customers) * figures.TRIALS_LOST_PER_CUSTOMER)),
        _short_lived("prospects", PROSPECT, round(len(customers) * figures.PROSPECTS_PER_CUSTOMER)),
        _internal(customers),
    ]
    others = pd.concat(parts, ignore_index=True)
    own_root = np.arange(len(customers), len(customers) + len(others))
    others["root"] = np.where(others["root"] < 0, own_root, others["root"])
    return others


def _profiles(random: np.random.Generator, count: int, kind: int) -> pd.DataFrame:
    plan = choose(random, [each["share"] for each in figures.PLANS], count)
    shares = np.array([each["terms"] for each in figures.PLANS]).cumsum(axis=1)[plan]
    seats = np.array([each["seats"] for each in figures.PLANS])[plan] * np.exp(
        random.normal(size=count) * np.array([each["spread"] for each in figures.PLANS])[plan]
    )
    seats = np.clip(np.rint(seats), *figures.SEATS_RANGE).astype(np.int64)
    country = choose(random, [weight for weight, _ in figures.COUNTRIES.values()], count)
    currency = np.array([figures.CURRENCIES.index(code) for _, code in figures.COUNTRIES.values()])[country]
    industry = choose(random, list(figures.INDUSTRIES.values()), count)
    return pd.DataFrame(
        {
            "kind": kind,
            "root": -1,
            "plan": plan,
            "term": (random.random(count)[:, None] > shares).sum(axis=1).clip(0, 3),
            "seats": seats,
            "employees": np.rint(seats * figures.EMPLOYEES_PER_SEAT * random.uniform(0.6, 1.8, count)).astype(np.int64),
            "country": country,
            "currency": currency,
            "industry": np.where(random.random(count) < figures.INDUSTRY_UNKNOWN_SHARE, -1, industry),
            "has_trial": False,
            "onboards": False,
            "onboarding_day": NEVER,
            "level": 1,
        }
    )


def _set_start(accounts: pd.DataFrame, random: np.random.Generator, start_day: np.ndarray) -> None:
    """Set the day of the first service, of the first paid service, and of the account's creation before both."""
    count = len(accounts)
    accounts["start_day"] = np.minimum(start_day, AS_OF)
    business_hours = random.integers(9 * 3600, 18 * 3600, count)
    accounts["start_second"] = np.where(accounts["term"] == ANNUAL, 0, business_hours)
    accounts["paid_day"] = accounts["start_day"] + figures.TRIAL_DAYS * accounts["has_trial"]
    accounts["created_day"] = accounts["start_day"] - between(random, (3, 75), count)


def _set_onboarding(customers: pd.DataFrame, random: np.random.Generator) -> None:
    """Draw who onboards in time, when, and how much each customer uses the product."""
    count = len(customers)
    onboards = random.random(count) < figures.ONBOARDED_SHARE
    late = ~onboards & (random.random(count) < figures.LATE_ONBOARDING_SHARE)
    in_time_day = between(random, figures.ONBOARDED_DAY_RANGE, count)
    late_day = between(random, figures.LATE_ONBOARDING_DAY_RANGE, count)
    customers["onboards"] = onboards
    customers["onboarding_day"] = np.select([onboards, late], [in_time_day, late_day], NEVER)
    customers["level"] = _levels(random, onboards)


def _levels(random: np.random.Generator, onboards: np.ndarray) -> np.ndarray:
    in_time = choose(random, [level["onboarded"] for level in figures.USAGE_LEVELS], len(onboards))
    otherwise = choose(random, [level["not_onboarded"] for level in figures.USAGE_LEVELS], len(onboards))
    return np.where(onboards, in_time, otherwise)


def _children(customers: pd.DataFrame, life_end: np.ndarray) -> pd.DataFrame:
    """Return subsidiaries of larger customers; they start after their parent and leave with it at the latest."""
    random = generator("children")
    count = round(len(customers) * figures.CHILDREN_PER_CUSTOMER)
    paid_day = customers["paid_day"].to_numpy()
    lasting = (np.minimum(life_end, AS_OF) - paid_day > 60) & (paid_day <= AS_OF - 60)
    weight = np.array([1, 4, 8])[customers["plan"]] * lasting
    parent = choose(random, weight, count)
    children = _profiles(random, count, CHILD)
    children["root"] = parent
    for inherited in ("country", "currency", "industry"):
        children[inherited] = customers[inherited].to_numpy()[parent]
    children["plan"] = np.minimum(children["plan"], customers["plan"].to_numpy()[parent])
    children["level"] = _levels(random, customers["onboards"].to_numpy()[parent])
    wished = paid_day[parent] + 30 * between(random, figures.CHILD_START_MONTHS, count)
    latest = np.minimum(life_end[parent], AS_OF) - 40
    _set_start(children, random, np.where(wished <= latest, wished, paid_day[parent] + 7))
    return children


def _short_lived(part: str, kind: int, count: int) -> pd.DataFrame:
    """Return accounts that never pay: lost trials and prospects."""
    random = generator(part)
    accounts = _profiles(random, count, kind)
    accounts["term"] = 0
    accounts["plan"] = np.minimum(accounts["plan"], 1)
    accounts["has_trial"] = kind == LOST_TRIAL
    accounts["level"] = 2
    _set_start(accounts, random, random.integers(int(first_day(FIRST_MONTH)) + 5, AS_OF, count))
    return accounts


def _internal(customers: pd.DataFrame) -> pd.DataFrame:
    """Return the company's own accounts: they look like customers and must be left out."""
    count = len(figures.INTERNAL_ACCOUNTS)
    random = generator("internal")
    accounts = _profiles(random, count, INTERNAL)
    codes = list(figures.COUNTRIES)
    accounts["country"] = [codes.index(country) for _, country in figures.INTERNAL_ACCOUNTS]
    accounts["currency"] = [
        figures.CURRENCIES.index(figures.COUNTRIES[country][1]) for _, country in figures.INTERNAL_ACCOUNTS
    ]
    accounts["plan"], accounts["term"], accounts["level"] = 1, 0, 0
    _set_start(accounts, random, np.full(count, int(customers["start_day"].min()) + 3))
    return accounts


def account_rows(accounts: pd.DataFrame) -> dict:
    """Return the raw table `accounts`."""
    root = accounts["root"].to_numpy()
    employees = accounts["employees"].to_numpy()
    return {
        "account_id": account_keys(np.arange(len(accounts))),
        "account_name": company_names(*(accounts[name].to_numpy() for name in ("kind", "root", "country"))),
        "parent_account_id": account_keys(np.where(root == np.arange(len(accounts)), -1, root)),
        "industry": words(accounts["industry"], figures.INDUSTRIES),
        "employee_count": np.where(generator("employees").random(len(accounts)) < 0.04, NULL, employees),
        "country": words(accounts["country"], figures.COUNTRIES),
        "billing_currency": words(accounts["currency"], figures.CURRENCIES),
        "is_internal": (accounts["kind"] == INTERNAL).to_numpy(),
        "created_at": instants_or_null(accounts["created_day"], 36_000),
    }


def parent_rows(accounts: pd.DataFrame) -> dict:
    """Return the raw table `account_parents`: since when each child has its parent, and an earlier parent of a few."""
    random = generator("parents")
    child = np.flatnonzero(accounts["kind"] == CHILD)
    root = accounts["root"].to_numpy()
    created = accounts["created_day"].to_numpy()[child]
    start = accounts["start_day"].to_numpy()[child]
    changed_on = np.maximum(first_day(month_of(start + (AS_OF - start) // 2)), created + 1)
    draw = random.random(len(child))
    moved = draw < figures.CHILD_MOVED_SHARE
    acquired = ~moved & (draw < figures.CHILD_MOVED_SHARE + figures.CHILD_ACQUIRED_SHARE)
    # Roots are numbered by their start: an earlier number is an older customer.
    former = np.where(root[child] == 0, 1, (random.random(len(child)) * root[child]).astype(np.int64))
    earlier, later = child[moved], child
    return {
        "account_id": account_keys(np.concatenate([earlier, later])),
        "parent_account_id": account_keys(np.concatenate([former[moved], root[later]])),
        "valid_from": instants_or_null(
            np.concatenate([created[moved], np.where(moved | acquired, changed_on, created)]), 0
        ),
        "valid_to": instants_or_null(np.concatenate([changed_on[moved], np.full(len(later), FAR)]), 0),
    }


def account_keys(numbers):
    """Return account keys."""
    return keys("A", np.where(np.asarray(numbers) < 0, -1, np.asarray(numbers) + 1))
