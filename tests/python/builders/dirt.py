"""Bad rows: companies made up at random get every fault that the acceptance rules know, each with its verdict."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from random import Random

from builders import inventions
from builders.warehouse import Settings
from orchestration.landing import load_contract

CONTRACT = load_contract()
# Tables that all companies of a world share: faults stand beside their good rows, which stay.
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
OWN_FAULTS = {
    "accounts": ("unknown_parent", "parent_cycle"),
    "subscriptions": ("canceled_without_end",),
    "subscription_item_versions": (
        "interval_below_one",
        "discount_above_line",
        "too_large",
        "too_far_in_the_past",
        "overlapping_versions",
    ),
    "survey_responses": ("score_out_of_scale", "unknown_scale"),
    "account_parents": ("parent_cycle", "overlapping_periods"),
    "csm_assignments": ("overlapping_periods",),
    "exchange_rates": ("rate_not_positive",),
    "unit_economics": ("margin_above_one",),
}
REFERRED = {"unknown_account": "accounts", "unknown_subscription": "subscriptions", "unknown_product": "products"}
# Rules that are tried after the references.
LAST_RULES = ("too_far_in_the_past", "overlapping_versions", "overlapping_periods", "parent_cycle")
GARBAGE = {
    "bigint": ("ten", "1.5", "1e3", "9" * 30),
    "decimal": ("1,000", "abc", "NaN", "1e3"),
    "boolean": ("yes", "1", "maybe"),
    "timestamp": ("2025-02-30 00:00:00", "yesterday", "2025-01-01 25:00:00", "=NOW()"),
    "date": ("2025-02-30", "31.12.2025", "2025-01-01 10:00:00"),
}
NAMES = ('"A" \\ Co', "Two\nLines", "=HYPERLINK(1)", "'; drop table accounts; --", "../../x", "株式会社 継続", "a,b;c")
COUNTS = "table_name, read, accepted, rejected, deleted, duplicate"
SECRET = "secret"  # noqa: S105 -- it stands in personal columns, to be looked for elsewhere


@dataclass(eq=False)
class Row:
    """A raw row and what must become of it: `verdict` is duplicate, deleted or a rule, None while nothing is wrong."""

    table: str
    values: dict
    verdict: str | None = None
    is_touched: bool = False

    @property
    def key(self) -> tuple:
        """Its key, as the contract names it."""
        return tuple(self.values[name] for name in CONTRACT[self.table].key)

    @property
    def company(self) -> str | None:
        """Whose row it is, None when all companies share it."""
        owned = (
            value for name, value in self.values.items() if name.endswith("_id") and name != "product_id" and value
        )
        return None if self.table in SHARED else next(owned)[:4]

    @property
    def key_text(self) -> str:
        """Its key as the quarantine writes it: what is personal is hidden, what did not parse is empty."""
        parts = []
        for name, column in ((name, _column(self.table, name)) for name in CONTRACT[self.table].key):
            value = self.values[name]
            is_lost = value is None or (column.data_type != "varchar" and isinstance(value, str))
            parts.append("***" if column.is_personal else "" if is_lost else str(value))
        return " | ".join(parts)


@dataclass
class DirtyWorld:
    """Rows of many small companies, good and bad."""

    random: Random
    settings: Settings
    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    planted: Counter = field(default_factory=Counter)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def raw(self) -> dict[str, list[dict]]:
        """Give what comes in, in no order, the good rows partly in the words of billing systems."""
        read = {}
        for table, rows in self.rows.items():
            rows = self.random.sample(rows, len(rows))
            good = [row.values for row in rows if row.verdict is None]
            in_words = iter(inventions.in_other_words(self.random, {table: good})[table])
            read[table] = [row.values if row.verdict else next(in_words) for row in rows]
        return read

    def clean(self) -> dict[str, list[dict]]:
        """Give what is left when every bad row, and all that hangs on it, is taken out."""
        return {table: [row.values for row in rows if row.verdict is None] for table, rows in self.rows.items()}

    def quarantine(self) -> Counter:
        """Count table, key and rule of every row that must be rejected."""
        rows = (row for rows in self.rows.values() for row in rows)
        fine = (None, "duplicate", "deleted")
        return Counter((row.table, row.key_text, row.verdict) for row in rows if row.verdict not in fine)

    def counts(self) -> list[tuple]:
        """Give read, accepted, rejected, deleted and duplicate rows by table."""
        found = []
        for table in sorted(CONTRACT):
            verdicts = Counter(row.verdict for row in self.rows.get(table, []))
            read, accepted = verdicts.total(), verdicts.pop(None, 0)
            deleted, duplicate = verdicts.pop("deleted", 0), verdicts.pop("duplicate", 0)
            found.append((table, read, accepted, verdicts.total(), deleted, duplicate))
        return found

    # Faults

    def plant(self, table: str, rule: str, company: str) -> bool:
        """Plant a fault, in a good row of a company or beside one; tell whether there was a row for it."""
        good = [row for row in self.rows[table] if row.verdict is None and not row.is_touched]
        good = [row for row in good if row.company in (company, None)]
        if not good:
            return False
        template, in_place = self.random.choice(good), table not in SHARED and self.random.random() < 0.5
        getattr(self, f"_{rule}", self._spoil)(template, in_place, rule)
        self.planted[table, rule] += 1
        return True

    def _spoil(self, template: Row, in_place: bool, rule: str) -> None:
        row, spare = template if in_place else self._beside(template), ()
        if in_place and self._can_be_replaced(row) and self.random.random() < 0.5:
            # What came before was good: it does not come back.
            self._add(row.table, row.values, "duplicate")
            row.values["_updated_at"] = datetime(2024, 6, 1)
            spare = (*CONTRACT[row.table].key, "_updated_at", "recorded_at")
        spoil(row, rule, self.settings, self.random, spare)
        # Without its key a row may look like another one, which would make it a copy.
        row.values["source_system"] = f"row-{next(self._numbers)}"
        row.verdict = rule

    def _duplicate(self, template: Row, in_place: bool, rule: str) -> None:
        copy = self._add(template.table, template.values, rule)
        template.is_touched = template.table not in SHARED
        if in_place and self._can_be_replaced(template):
            # Not a copy but an older state, in which anything may be wrong.
            template.values["_updated_at"] = datetime(2024, 6, 1)
            copy.values |= {"_loaded_at": "soon", "_is_deleted": self.random.choice((None, True))}

    def _deleted(self, template: Row, in_place: bool, rule: str) -> None:
        if in_place and self._can_be_replaced(template):
            self._add(template.table, template.values, "duplicate")
            row, template.values["_updated_at"] = template, datetime(2024, 6, 1)
        else:
            row = self._beside(template)
        row.values["_is_deleted"] = True
        row.verdict = rule

    def _conflicting_key(self, template: Row, in_place: bool, rule: str) -> None:
        first = template if in_place else self._beside(template)
        second = self._add(first.table, first.values, rule)
        first.values["source_system"], second.values["source_system"] = "one", "another"
        first.verdict = rule

    def _overlapping_versions(self, template: Row, in_place: bool, rule: str) -> None:
        values = template.values
        if in_place and values["valid_to"] != values["valid_from"] and values["recorded_at"] is None:
            first = template
        else:
            first = self._beside(template)
            first.values |= {
                "subscription_item_id": f"item-{next(self._numbers)}",
                "valid_to": None,
                "recorded_at": None,
            }
        self._beside(first).verdict = first.verdict = rule

    def _overlapping_periods(self, template: Row, in_place: bool, rule: str) -> None:
        first = template if in_place else self._beside(template)
        if not in_place:
            start = datetime(1950, 1, 1) + timedelta(days=10 * next(self._numbers))
            first.values |= {"valid_from": start, "valid_to": start + timedelta(days=5)}
        start = first.values["valid_from"] + timedelta(days=1, seconds=next(self._numbers))
        within = {"valid_from": start, "valid_to": start + timedelta(seconds=1)}
        self._add(first.table, first.values | within, rule)
        first.verdict = rule

    def _parent_cycle(self, template: Row, in_place: bool, rule: str) -> None:
        if template.table == "accounts":
            ring = [template] if in_place else [self._beside(template) for _ in range(self.random.randint(1, 4))]
            for row, above in zip(ring, [*ring[1:], ring[0]], strict=True):
                row.values["parent_account_id"] = above.key[0]
                row.verdict = rule
            return
        # Each above the other for a while: the one from 1 March to 1 April, the other from the 9th to the 9th.
        root = next(row for row in self.rows["accounts"] if row.verdict is None and not row.values["parent_account_id"])
        (first,), (second,) = (self._beside(root).key for _ in range(2))
        for account, parent, day in ((first, second, 1), (second, first, 9)):
            period = {"valid_from": datetime(2024, 3, day), "valid_to": datetime(2024, 4, day)}
            self._add("account_parents", {"account_id": account, "parent_account_id": parent} | period, rule)

    def _too_far_in_the_past(self, template: Row, in_place: bool, rule: str) -> None:
        number = next(self._numbers)
        account = next(row for row in self.rows["accounts"] if row.verdict is None)
        owner = {
            "subscription_id": f"{template.company}-old-{number}",
            "account_id": account.key[0],
            "status": "active",
        }
        self._add("subscriptions", owner | {"started_at": datetime(1900, 1, 1)}, None)
        version = self._beside(template)
        version.values |= {"subscription_id": owner["subscription_id"], "subscription_item_id": f"item-{number}"}
        version.values |= {"valid_from": datetime(1970, 1, 1), "valid_to": None, "recorded_at": None}
        version.verdict = rule

    def _can_be_replaced(self, row: Row) -> bool:
        """Tell whether an update can follow on this row."""
        is_first = row.values["_updated_at"] is None and row.values.get("recorded_at") is None
        return is_first and len(row.key) == 1

    def _add(self, table: str, values: dict, verdict: str | None) -> Row:
        blank = {column.name: None for column in CONTRACT[table].columns}
        self.rows[table].append(row := Row(table, blank | values, verdict))
        return row

    def _beside(self, template: Row) -> Row:
        """Add a row like another one, with a key of its own."""
        row, number = self._add(template.table, template.values, None), next(self._numbers)
        for name in CONTRACT[row.table].key:
            match _column(row.table, name).data_type:
                case "timestamp":
                    row.values[name] += timedelta(seconds=number)
                    return row
                case "date":
                    row.values[name] = date(1000 + number // 12, number % 12 + 1, 1)
                    return row
        row.values[name] = f"{row.values[name]}-bad-{number}"
        return row

    # What hangs on bad rows

    def settle(self) -> None:
        """Reject what refers to rows that were not accepted, from the accounts down."""
        accepted = {"accounts": {row.key[0]: row for row in self.rows["accounts"] if row.verdict is None}}
        accounts, fallen = accepted["accounts"], True
        while fallen:
            fallen = [
                row for row in accounts.values() if (row.values["parent_account_id"] or row.key[0]) not in accounts
            ]
            for row in fallen:
                row.verdict = "unknown_parent"
                del accounts[row.key[0]]
        for table in CONTRACT:
            if table == "accounts":
                continue
            for row in self.rows[table]:
                if row.verdict in (None, "unknown_parent", *REFERRED, *LAST_RULES):
                    unknown = (
                        rule for name, target, rule in _references(table) if row.values[name] not in accepted[target]
                    )
                    row.verdict = next(unknown, row.verdict)
            if table in REFERRED.values():
                accepted[table] = {row.key[0]: row for row in self.rows[table] if row.verdict is None}


def _column(table: str, name: str):
    return next(column for column in CONTRACT[table].columns if column.name == name)


def _references(table: str) -> list[tuple[str, str, str]]:
    """Give the columns that name other rows, the tables of these, and the rule when there is none."""
    rules = {target: rule for rule, target in REFERRED.items()}
    return [
        (column.name, column.references, "unknown_parent" if "parent" in column.name else rules[column.references])
        for column in CONTRACT[table].columns
        if column.references
    ]


def _is_start(column) -> bool:
    return column.data_type in ("date", "timestamp") and not column.is_end


def faults(table: str) -> list[str]:
    """Give every verdict that rows of a table can get, but for accepted."""
    columns = CONTRACT[table].columns
    found = ["duplicate", "deleted", "bad_type", "missing_value"]
    # Of a pause that comes twice the later recorded or the longer one holds.
    found += ["conflicting_key"] * (table != "subscription_pauses")
    found += ["unaccepted_value"] * any(column.accepted for column in columns)
    found += ["too_far_in_the_future"] * any(_is_start(column) for column in columns)
    found += ["end_before_start"] * (table in RANGES) + ["negative_amount"] * (table in AMOUNTS)
    found += ["not_first_of_month"] * (table in PERIODS)
    found += ["unknown_currency"] * any(column.is_currency for column in columns)
    return [*found, *(rule for _, _, rule in _references(table)), *OWN_FAULTS.get(table, ())]


def spoil(row: Row, rule: str, settings: Settings, random: Random, spare: Collection[str] = ()) -> None:
    """Make a good row break a rule, and none that is tried before; columns to spare stay as they are."""
    values, columns = row.values, [column for column in CONTRACT[row.table].columns if column.name not in spare]
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
            far = settings.as_of_date + timedelta(days=random.randint(3652, 9999))
            values[column.name] = far if column.data_type == "date" else datetime.combine(far, datetime.min.time())
        case "end_before_start":
            start, end = RANGES[row.table]
            values[end] = values[start] - timedelta(days=random.choice((1, 400)))
            if row.table == "subscriptions":
                # What is canceled before its start was withdrawn, which is no fault.
                values["status"] = "active"
        case "negative_amount":
            values[random.choice(AMOUNTS[row.table])] = random.choice((-1, -1000))
        case "interval_below_one":
            values["interval_count"] = random.choice((0, -1))
        case "discount_above_line":
            line = values["quantity"] * values["unit_amount"]
            values |= {"discount_kind": "recurring", "discount_amount": (line + 1).quantize(Decimal("0.0001"))}
        case "too_large":
            values |= {"discount_kind": None}
            values |= random.choice(({"quantity": 10**7, "unit_amount": 10**6}, {"interval_count": 3661}))
        case "unknown_currency":
            values[random.choice([column.name for column in columns if column.is_currency])] = random.choice(
                ("XYZ", "yens")
            )
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
            values["parent_account_id"] = f"nobody-{random.randrange(10**9)}"
        case _:
            values[next(name for name, _, unknown in _references(row.table) if unknown == rule)] = (
                f"nobody-{random.randrange(10**9)}"
            )


# Companies


def invent_dirty(random: Random, settings: Settings, companies: int) -> DirtyWorld:
    """Make up so many companies of one or two customers, and dirty each of them; every fault stands somewhere.

    Rejected rows are accepted, so that nothing is withheld however many there are.
    """
    settings = replace(settings, accept_rejects=True)
    world, names = DirtyWorld(random, settings), [f"c{number:03}" for number in range(1, companies + 1)]
    for name in names:
        for table, rows in inventions.invent(random, settings, customers=random.randint(1, 2)).items():
            # Parents of the past are told below, so that no period touches another by chance.
            if table != "account_parents" and (table not in SHARED or name == names[0]):
                for values in rows:
                    world._add(table, _of_company(name, table, values), None)
        _add_papers(world, name)
    _add_shared(world, names[0])
    for name in names:
        for _ in range(random.randint(1, 4)):
            table = random.choice(list(CONTRACT))
            world.plant(table, random.choice(faults(table)), name)
    for table in CONTRACT:
        for rule in faults(table):
            if not world.planted[table, rule]:
                any(world.plant(table, rule, name) for name in random.sample(names, len(names)))
    world.settle()
    return world


def _of_company(name: str, table: str, values: dict) -> dict:
    """Put the company before everything that is a key, and a secret into everything that is personal."""
    named = dict(values)
    for column in CONTRACT[table].columns:
        value = values.get(column.name)
        is_own = column.name.endswith("_id") and column.name != "product_id" and table not in SHARED
        if value is not None and (is_own or column.is_personal):
            named[column.name] = f"{name}-{SECRET}-{value}" if column.is_personal else f"{name}-{value}"
    return named


def _add_papers(world: DirtyWorld, name: str) -> None:
    """Add a few rows of the tables that companies made up at random do not have, and odd texts."""
    random, day = world.random, inventions.FIRST_DAY
    at = datetime.combine(day, datetime.min.time())
    rows = [row for row in world.rows["accounts"] if row.company == name]
    accounts = [row.key[0] for row in rows]
    random.choice(rows).values["account_name"] = random.choice(NAMES)
    for row in world.rows["survey_responses"]:
        row.values["comment"] = f'{SECRET} "quoted" \\ and\nbroken, {{"comment": "{SECRET}"}}'
    owner = {"account_id": random.choice(accounts)}
    papers = {
        "opportunities": {"opportunity_type": "new", "annual_amount": 1, "currency": "JPY"},
        "handoffs": {"closed_won_at": at, "key_people": SECRET},
        "cs_feedback": {"feedback_kind": "success_story", "created_at": at},
        "survey_sends": {"survey_type": "nps", "respondent_id": SECRET, "sent_at": at},
        "success_plans": {"goal": "grow", "target_value": -1},
        "manual_adjustments": {"period": day, "amount": -5, "currency": "JPY", "reason": "r", "approved_by": SECRET},
    }
    for table, values in papers.items():
        world._add(table, owner | values | {CONTRACT[table].key[0]: f"{name}-{table}"}, None)
    referral = {"referral_id": f"{name}-r", "referrer_account_id": accounts[0], "referred_account_key": "x"}
    world._add("referrals", referral | {"referred_at": at, "status": "won"}, None)
    later = at + timedelta(days=30)
    world._add("csm_assignments", owner | {"csm_id": "one", "valid_from": at, "valid_to": later}, None)
    world._add("csm_assignments", owner | {"csm_id": "two", "valid_from": later}, None)
    if len(accounts) > 1:
        child = {"account_id": accounts[-1], "parent_account_id": accounts[0], "valid_from": at}
        world._add("account_parents", child, None)


def _add_shared(world: DirtyWorld, name: str) -> None:
    """Add a good row to every table that may still be without."""
    day = date(1890, 1, 1)
    at = datetime.combine(day, datetime.min.time())
    world._add("revenue_ledger", {"period": day, "ledger_account": "4000", "currency": "JPY", "amount": -5}, None)
    report = {"period": day, "metric_key": "nrr", "value": "1.1", "reported_by": "finance", "reported_at": at}
    world._add("reported_metrics", report, None)
    world._add("unit_economics", {"period": day, "gross_margin_rate": "0.5", "currency": "JPY"}, None)
    world._add("features", {"feature_key": "feature-9", "is_core": False, "is_high_value": False}, None)
    account, subscription = (world.rows[table][0].key[0] for table in ("accounts", "subscriptions"))
    user = {"user_id": f"{name}-{SECRET}-0", "account_id": account, "is_internal": False, "activated_at": at}
    world._add("users", user, None)
    world._add("subscription_pauses", {"subscription_id": subscription, "paused_from": at, "paused_to": at}, None)
