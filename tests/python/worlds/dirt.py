"""Bad rows: companies made up at random get every fault that the acceptance rules know, each beside its verdict."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from random import Random

from orchestration.landing import load_contract
from worlds import inventions
from worlds.warehouse import Settings

CONTRACT = load_contract()
# Tables that all companies of a world share: faults are added to them, their good rows stay.
SHARED = ("products", "features", "exchange_rates", "unit_economics", "revenue_ledger", "reported_metrics")
RANGES = {
    "subscriptions": ("started_at", "ended_at"),
    "subscription_item_versions": ("valid_from", "valid_to"),
    "users": ("activated_at", "deactivated_at"),
    "subscription_pauses": ("paused_from", "paused_to"),
    "account_parents": ("valid_from", "valid_to"),
    "contracts": ("start_date", "end_date"),
    "invoice_lines": ("service_from", "service_to"),
    "support_tickets": ("opened_at", "resolved_at"),
    "csm_assignments": ("valid_from", "valid_to"),
}
AMOUNTS = {
    "accounts": ("employee_count",),
    "products": ("tier_rank",),
    "subscription_item_versions": ("quantity", "unit_amount", "discount_amount"),
    "usage_events": ("quantity",),
    "contracts": ("notice_days", "annual_amount"),
    "opportunities": ("annual_amount",),
    "unit_economics": ("sales_and_marketing_cost", "cs_cost"),
}
PERIODS = ("revenue_ledger", "reported_metrics", "unit_economics", "manual_adjustments")
GARBAGE = {
    "bigint": ("ten", "1.5", "1e3", "9" * 30),
    "decimal": ("1,000", "abc", "NaN", "1e3"),
    "boolean": ("yes", "1", "maybe"),
    "timestamp": ("2025-02-30 00:00:00", "yesterday", "2025-01-01 25:00:00", "=NOW()"),
    "date": ("2025-02-30", "31.12.2025", "2025-01-01 10:00:00"),
}
NAMES = ('Quote "A" \\ Co', "Two\nLines", "=HYPERLINK(1)", "'; drop table accounts; --", "../../x", "株式会社 継続", "a,b;c")
SECRET = "secret"


@dataclass
class Row:
    """A raw row and what must become of it: `verdict` is duplicate, deleted or a rule, None while nothing is wrong."""

    table: str
    values: dict
    verdict: str | None = None

    @property
    def key(self) -> tuple:
        """Its key, as the contract names it."""
        return tuple(self.values.get(name) for name in CONTRACT[self.table].key)


@dataclass
class DirtyWorld:
    """Rows of many small companies, dirtied, and the verdict on each."""

    random: Random
    settings: Settings
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    planted: Counter = field(default_factory=Counter)

    def raw(self) -> dict[str, list[dict]]:
        """Give what comes in, in no order."""
        return {table: [row.values for row in self.random.sample(rows, len(rows))] for table, rows in self.rows.items()}

    def clean(self) -> dict[str, list[dict]]:
        """Give what is left when every bad row and all that hangs on it is taken out."""
        return {table: [row.values for row in rows if row.verdict is None] for table, rows in self.rows.items()}

    def quarantine(self) -> Counter:
        """Give table, key and rule of what must be rejected."""
        return Counter(
            (table, _key_text(row), row.verdict)
            for table, rows in self.rows.items()
            for row in rows
            if row.verdict not in (None, "duplicate", "deleted")
        )

    def counts(self) -> dict[str, tuple[int, ...]]:
        """Give read, accepted, rejected, deleted and duplicate by table."""
        found = {}
        for table in CONTRACT:
            verdicts = Counter(row.verdict for row in self.rows.get(table, []))
            read, accepted = verdicts.total(), verdicts.pop(None, 0)
            deleted, duplicate = verdicts.pop("deleted", 0), verdicts.pop("duplicate", 0)
            found[table] = (read, accepted, verdicts.total(), deleted, duplicate)
        return found

    # Faults

    def soil(self, company: str, times: int) -> None:
        """Plant faults of random kinds in one company."""
        for _ in range(times):
            table = self.random.choice(list(CONTRACT))
            self.plant(table, self.random.choice(faults(table)), company)

    def plant(self, table: str, rule: str, company: str) -> None:
        """Plant one fault in a row of a company, in place of a good one or beside it."""
        good = [row for row in self.rows[table] if row.verdict is None and _company(row) in (company, None)]
        if not good:
            return
        template = self.random.choice(good)
        in_place = table not in SHARED and self.random.random() < 0.5
        plant = getattr(self, f"_{rule}", None)
        if plant is None:
            row = template if in_place else self._beside(template)
            # An update whose older row is good: the latest row counts, and it is bad.
            if in_place and self.random.random() < 0.3 and rule != "parent_cycle" and self._can_be_replaced(template):
                self._add(Row(table, dict(template.values), "duplicate"))
                row.values["_updated_at"] = datetime(2030, 1, 1)
            spoil(rule, row, self.settings, self.random)
            row.verdict = rule
        else:
            plant(template, in_place)
        self.planted[table, rule] += 1

    def _can_be_replaced(self, row: Row) -> bool:
        return all(value is not None for value in row.key) and row.values.get("_updated_at") is None

    def _add(self, row: Row) -> Row:
        self.rows[row.table].append(row)
        return row

    def _beside(self, template: Row) -> Row:
        """Add a row like another one, with a key of its own."""
        row = self._add(Row(template.table, dict(template.values)))
        self._new_key(row)
        return row

    def _new_key(self, row: Row) -> None:
        number = next(self.numbers)
        types = {column.name: column.data_type for column in CONTRACT[row.table].columns}
        for name in CONTRACT[row.table].key:
            match types[name]:
                case "timestamp":
                    row.values[name] += timedelta(seconds=number)
                    return
                case "date":
                    row.values[name] = date(1900 + number // 12, number % 12 + 1, 1)
                    return
        name = CONTRACT[row.table].key[0]
        row.values[name] = f"{row.values[name]}-bad-{number}"

    def _duplicate(self, template: Row, in_place: bool) -> None:
        copy = self._add(Row(template.table, dict(template.values), "duplicate"))
        if in_place and self._can_be_replaced(template):
            # Not a copy but an older state, whatever is wrong with it.
            template.values["_updated_at"] = datetime(2024, 6, 1)
            copy.values["source_system"] = "old"
            copy.values["_loaded_at"] = "soon"
            if self.random.random() < 0.5:
                copy.values.update({"_is_deleted": True})
            # Without a time of its own (that one did not parse) it is the oldest.

    def _deleted(self, template: Row, in_place: bool) -> None:
        if in_place and self._can_be_replaced(template):
            self._add(Row(template.table, dict(template.values), "duplicate"))
            template.values["_updated_at"] = datetime(2024, 6, 1)
            row = template
        else:
            row = self._beside(template)
        row.values["_is_deleted"] = True
        row.verdict = "deleted"

    def _conflicting_key(self, template: Row, in_place: bool) -> None:
        first = template if in_place else self._beside(template)
        second = self._add(Row(first.table, dict(first.values), "conflicting_key"))
        first.values["source_system"], second.values["source_system"] = "one", "another"
        first.verdict = "conflicting_key"

    def _overlapping_versions(self, template: Row, in_place: bool) -> None:
        values = template.values
        if in_place and values["valid_to"] != values["valid_from"] and values["recorded_at"] is None:
            first = template
        else:
            first = self._beside(template)
            first.values |= {"subscription_item_id": f"item-{next(self.numbers)}", "valid_to": None, "recorded_at": None}
        second = self._beside(first)
        first.verdict = second.verdict = "overlapping_versions"

    def _overlapping_periods(self, template: Row, in_place: bool) -> None:
        start = template.values["valid_from"]
        template.values["valid_to"] = None
        self._add(Row(template.table, template.values | {"valid_from": start + timedelta(days=900)}, "overlapping_periods"))
        template.verdict = "overlapping_periods"

    def _parent_cycle(self, template: Row, in_place: bool) -> None:
        if template.table == "account_parents":
            # Two companies that nobody else is above or below, each above the other for a while.
            first, second = (self._beside(self._account_without_parents()) for _ in range(2))
            keys = [first.values["account_id"], second.values["account_id"]]
            for child, parent, day in (*keys, 1), (*reversed(keys), 9):
                values = {"account_id": child, "parent_account_id": parent, "valid_from": datetime(2024, 3, day)}
                self._add(Row("account_parents", values | {"valid_to": datetime(2024, 4, day)}, "parent_cycle"))
            return
        ring = [template] if in_place else [self._beside(template) for _ in range(self.random.randint(1, 4))]
        for row, above in zip(ring, [*ring[1:], ring[0]], strict=True):
            row.values["parent_account_id"] = above.values["account_id"]
            row.verdict = "parent_cycle"

    def _account_without_parents(self) -> Row:
        return next(row for row in self.rows["accounts"] if row.verdict is None and not row.values["parent_account_id"])

    def _too_far_in_the_past(self, template: Row, in_place: bool) -> None:
        owner = next(row for row in self.rows["subscriptions"] if row.values["subscription_id"] == template.values["subscription_id"])
        subscription = self._beside(owner)
        subscription.values |= {"started_at": datetime(1900, 1, 1), "trial_ended_at": None}
        version = self._beside(template)
        version.values |= {"valid_from": datetime(1970, 1, 1), "recorded_at": None}
        version.values |= {
            "subscription_id": subscription.values["subscription_id"],
            "subscription_item_id": f"item-{next(self.numbers)}",
        }
        version.verdict = "too_far_in_the_past"

    # What hangs on bad rows

    def settle(self) -> None:
        """Reject what refers to rows that were not accepted, from the accounts down."""
        accounts = {row.values["account_id"]: row for row in self.rows["accounts"] if row.verdict is None}
        fallen = True
        while fallen:
            fallen = [row for row in accounts.values() if (row.values["parent_account_id"] or row.key[0]) not in accounts]
            for row in fallen:
                row.verdict = "unknown_parent"
                del accounts[row.key[0]]
        for table, contract in CONTRACT.items():
            references = [(column.name, column.references) for column in contract.columns if column.references]
            for row in self.rows[table]:
                if row.verdict in (None, "overlapping_versions", "overlapping_periods", "too_far_in_the_past"):
                    for name, target in references:
                        if (row.values.get(name),) not in self._accepted_keys(target):
                            row.verdict = _unknown(name, target)
                            break
                elif row.verdict == "parent_cycle" and table == "account_parents":
                    assert all((row.values[name],) in self._accepted_keys("accounts") for name, _ in references)

    def _accepted_keys(self, table: str) -> set[tuple]:
        return {row.key for row in self.rows[table] if row.verdict is None}


def _unknown(column: str, target: str) -> str:
    return "unknown_parent" if column == "parent_account_id" else f"unknown_{target.removesuffix('s')}"


def faults(table: str) -> list[str]:
    """Give the verdicts that rows of a table can get, but for accepted."""
    columns = CONTRACT[table].columns
    found = ["duplicate", "deleted", "bad_type", "missing_value", "conflicting_key"]
    found += ["unaccepted_value"] * any(column.accepted for column in columns)
    found += ["too_far_in_the_future"] * any(_is_start(column) for column in columns)
    found += ["end_before_start"] * (table in RANGES) + ["negative_amount"] * (table in AMOUNTS)
    found += ["not_first_of_month"] * (table in PERIODS)
    found += ["unknown_currency"] * any(column.is_currency for column in columns)
    found += sorted({_unknown(column.name, column.references) for column in columns if column.references})
    return found + {
        "accounts": ["unknown_parent", "parent_cycle"],
        "subscriptions": ["canceled_without_end"],
        "subscription_item_versions": [
            "interval_below_one", "discount_above_line", "too_large", "too_far_in_the_past", "overlapping_versions",
        ],
        "survey_responses": ["score_out_of_scale", "unknown_scale"],
        "account_parents": ["parent_cycle", "overlapping_periods"],
        "csm_assignments": ["overlapping_periods"],
        "exchange_rates": ["rate_not_positive"],
        "unit_economics": ["margin_above_one"],
    }.get(table, [])  # fmt: skip


def _is_start(column) -> bool:
    return column.data_type in ("date", "timestamp") and not column.is_end


def spoil(rule: str, row: Row, settings: Settings, random: Random) -> None:
    """Make a good row break a rule, and none before it."""
    columns, values = CONTRACT[row.table].columns, row.values
    match rule:
        case "bad_type":
            column = random.choice([column for column in columns if column.data_type != "varchar"])
            values[column.name] = random.choice(GARBAGE[re.match("[a-z]+", column.data_type)[0]])
        case "unaccepted_value":
            values[random.choice([column.name for column in columns if column.accepted])] = "unheard of"
        case "missing_value":
            values[random.choice([column.name for column in columns if column.required])] = None
        case "too_far_in_the_future":
            column = random.choice([column for column in columns if _is_start(column)])
            far = settings.as_of_date + timedelta(days=random.choice((3652, 9999)))
            values[column.name] = far if column.data_type == "date" else datetime.combine(far, datetime.min.time())
        case "end_before_start":
            start, end = RANGES[row.table]
            values[end] = values[start] - timedelta(days=random.choice((1, 400)))
        case "negative_amount":
            values[random.choice(AMOUNTS[row.table])] = random.choice((-1, -1000))
        case "interval_below_one":
            values["interval_count"] = random.choice((0, -1))
        case "discount_above_line":
            line = values["quantity"] * values["unit_amount"]
            values |= {"discount_kind": "recurring", "discount_amount": (line + 1).quantize(Decimal("0.0001"))}
        case "too_large":
            values |= random.choice(({"quantity": 10**7, "unit_amount": 10**6}, {"interval_count": 10001}))
            values["discount_kind"] = None
        case "unknown_currency":
            column = random.choice([column.name for column in columns if column.is_currency])
            values[column] = random.choice(("XYZ", "jpy", "円"))
        case "canceled_without_end":
            values |= {"status": "canceled", "ended_at": None}
        case "score_out_of_scale":
            values["score"] = random.choice((values["scale_max"] + 1, values["scale_min"] - 1))
        case "unknown_scale":
            values |= {"scale_min": 2, "score": max(values["score"], 2)}
        case "rate_not_positive":
            values["rate"] = random.choice((0, -150))
        case "not_first_of_month":
            values["period"] += timedelta(days=random.randint(1, 27))
        case "margin_above_one":
            values["gross_margin_rate"] = random.choice((70, Decimal("1.00000001")))
        case "unknown_parent":
            values["parent_account_id"] = "nobody"
        case _:
            target = {"unknown_account": "accounts", "unknown_subscription": "subscriptions", "unknown_product": "products"}
            (name,) = (column.name for column in columns if column.references == target[rule] and not column.name.startswith("parent"))
            values[name] = "nobody"


def _key_text(row: Row) -> str:
    """Write a key as the quarantine does."""
    parts = []
    for column in CONTRACT[row.table].columns:
        if column.name in CONTRACT[row.table].key:
            value = row.values.get(column.name)
            is_garbage = column.data_type != "varchar" and isinstance(value, str)
            parts.append("***" if column.is_personal else "" if value is None or is_garbage else str(value))
    return " | ".join(parts)


# Clean worlds


def invent_dirty(random: Random, settings: Settings, companies: int) -> DirtyWorld:
    """Make up so many companies of one or two customers, and dirty each of them."""
    world = DirtyWorld(random, settings)
    for number in range(1, companies + 1):
        tables = inventions.invent(random, settings, customers=random.randint(1, 2))
        for table, rows in tables.items():
            if table not in SHARED or number == 1:
                for values in rows:
                    world.rows[table].append(Row(table, _named(values, table, f"c{number:03}")))
        _add_papers(world, f"c{number:03}")
    for number in range(1, companies + 1):
        world.soil(f"c{number:03}", random.randint(1, 4))
    # Every fault that there is, somewhere.
    for table in CONTRACT:
        for rule in faults(table):
            if not world.planted[table, rule]:
                world.plant(table, rule, f"c{random.randint(1, companies):03}")
    world.settle()
    return world


def _named(values: dict, table: str, company: str) -> dict:
    """Put the company before every key, and a secret into everything personal; fill in what the contract knows."""
    named = {column.name: values.get(column.name) for column in CONTRACT[table].columns}
    for column in CONTRACT[table].columns:
        value = named[column.name]
        is_key = column.name.endswith("_id") and column.name != "product_id" and table not in SHARED
        if value is not None and (is_key or column.is_personal):
            named[column.name] = f"{company}-{SECRET}-{value}" if column.is_personal else f"{company}-{value}"
    if table == "usage_events" and named["user_id"]:
        named["user_id"] = f"{company}-{SECRET}-{values['user_id']}"
    return named


def _company(row: Row) -> str | None:
    """Tell whose row it is; None when all companies share it."""
    if row.table in SHARED:
        return None
    return next(str(value)[:4] for name, value in row.values.items() if name.endswith("_id") and name != "product_id" and value)


def _add_papers(world: DirtyWorld, company: str) -> None:
    """Add rows of the tables that no metric reads yet, and what is personal or odd."""
    random = world.random
    accounts = [row.values["account_id"] for row in world.rows["accounts"] if _company(row) == company]
    for row in world.rows["accounts"]:
        if _company(row) == company and random.random() < 0.3:
            row.values["account_name"] = random.choice(NAMES)
    for row in world.rows["survey_responses"]:
        if _company(row) == company:
            row.values["comment"] = f'{SECRET} "quoted" \\ and\nbroken, {{"comment": "{SECRET}"}}'
    account, day = random.choice(accounts), inventions.FIRST_DAY
    at = datetime.combine(day, datetime.min.time())
    make: Callable[..., None] = lambda table, **values: world.rows[table].append(Row(table, _blank(table) | values))
    make("account_parents", account_id=accounts[-1], parent_account_id=accounts[0], valid_from=at, valid_to=None)
    make("csm_assignments", account_id=account, csm_id="csm", valid_from=at, valid_to=at + timedelta(days=30))
    make("csm_assignments", account_id=account, csm_id="csm-2", valid_from=at + timedelta(days=30), valid_to=None)
    make("opportunities", opportunity_id=f"{company}-o", account_id=account, opportunity_type="new", annual_amount=1, currency="JPY")
    make("handoffs", handoff_id=f"{company}-h", account_id=account, closed_won_at=at, key_people=f"{SECRET} person")
    make("cs_feedback", feedback_id=f"{company}-f", account_id=account, feedback_kind="success_story", created_at=at)
    make("referrals", referral_id=f"{company}-r", referrer_account_id=account, referred_account_key="x", referred_at=at, status="won")
    make("survey_sends", send_id=f"{company}-s", survey_type="nps", account_id=account, respondent_id=SECRET, sent_at=at)
    make("success_plans", plan_id=f"{company}-p", account_id=account, goal="grow", target_value=-1)
    make("manual_adjustments", adjustment_id=f"{company}-m", account_id=account, period=day, amount=-5, currency="JPY", reason="r")
    world.rows["manual_adjustments"][-1].values["approved_by"] = SECRET
    if company == "c001":
        make("revenue_ledger", period=day, ledger_account="4000", currency="JPY", amount=-5)
        make("reported_metrics", period=day, metric_key="nrr", value="1.1", reported_by="finance", reported_at=at)
        make("unit_economics", period=date(1890, 1, 1), gross_margin_rate="0.5", currency="JPY")
        make("features", feature_key="feature-9", is_core=False, is_high_value=False)
        for table, row in (("users", {"is_internal": False, "activated_at": at}), ("subscription_pauses", {"paused_from": at, "paused_to": at})):
            owner = {"users": "account_id", "subscription_pauses": "subscription_id"}[table]
            source = "accounts" if table == "users" else "subscriptions"
            make(table, **row | {"user_id": f"c001-{SECRET}-0"} if table == "users" else row)
            world.rows[table][-1].values[owner] = world.rows[source][0].key[0]


def _blank(table: str) -> dict:
    return {column.name: None for column in CONTRACT[table].columns}
