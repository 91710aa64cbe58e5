"""Companies made up at random: small, crooked, and full of dates that lie on the edge of something."""

from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from builders.warehouse import Settings
from orchestration.landing import load_contract

FIRST_DAY = date(2024, 1, 1)
DAYS = 560
# In Havana midnight occurs twice in autumn and never in spring.
TIME_ZONES = ("Asia/Tokyo", "UTC", "America/New_York", "Europe/Berlin", "America/Havana")
CLOCK_TIMES = ("00:00:00", "12:00:00", "23:59:59", "23:59:00", "00:30:00", "23:58:59")
PRODUCTS = (
    # id, family, tier, recurring, metered
    ("core-1", "core", 1, True, False),
    ("core-2", "core", 2, True, False),
    ("analytics", "analytics", 2, True, False),
    ("calls", "analytics", 1, True, True),
    ("setup", "services", 1, False, False),
)
WINDOWS = (0, 1, -1, 28, 27, 30, 31, 90, 89, 91, 180, 365)
INTERVALS = (("month", 1), ("year", 1), ("week", 1), ("day", 1), ("month", 3), ("week", 2), ("year", 2))
SMALL_POLICY = {"nps_minimum_answers": 3, "ltv_minimum_customers": 2}

Tables = dict[str, list[dict]]


def invent_settings(random: Random) -> Settings:
    """Make up what a company is seen through; small numbers of answers and customers are enough for its metrics."""
    return Settings(
        as_of_date=FIRST_DAY + timedelta(days=random.randint(20, DAYS + 30)),
        time_zone=random.choice(TIME_ZONES),
        currency=random.choice(("JPY", "USD")),
        policy=SMALL_POLICY,
        accept_rejects=True,  # parents of the past may form a ring, and be all that there are
    )


def invent(random: Random, settings: Settings, customers: int) -> Tables:
    """Make up the raw tables of a company with so many root accounts."""
    return _Inventor(random, settings).company(customers)


def invent_later(random: Random, settings: Settings, tables: Tables) -> Tables:
    """Give the same tables with rows added that tell of days after the as-of date."""
    later = {name: list(rows) for name, rows in tables.items()}
    inventor = _Inventor(random, settings, first_day=settings.as_of_date + timedelta(days=1), prefix="later-")
    inventor.add_to(later)
    return later


def cut(tables: Tables, settings: Settings) -> Tables:
    """Give the tables as they stood at the end of the as-of date."""
    known = {name: [dict(row) for row in rows] for name, rows in tables.items()}
    zone = ZoneInfo(settings.time_zone)

    def is_later(value: datetime | date | None) -> bool:
        if isinstance(value, datetime):
            value = value.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone).date()
        return value is not None and value > settings.as_of_date

    # An end on the as-of date that reads as the start of the next day has not come.
    day_after = settings.as_of_date + timedelta(days=1)
    going_on = {
        row["subscription_item_id"]
        for row in known.get("subscription_item_versions", [])
        if row["valid_from"] == day_after
    }
    owners = set()
    for row in known.get("subscription_item_versions", []):
        if row["subscription_item_id"] in going_on:
            owners.add(row["subscription_id"])
            if row["valid_to"] == settings.as_of_date:
                row["valid_to"] = None
    for row in known.get("subscriptions", []):
        if row["subscription_id"] in owners and row["ended_at"] == settings.as_of_date:
            row |= {"status": "active", "ended_at": None}

    for table, starts in {
        "subscriptions": ["started_at"],
        "subscription_item_versions": ["valid_from", "recorded_at"],
        "subscription_pauses": ["paused_from"],
        "usage_events": ["occurred_at"],
        "survey_responses": ["responded_at"],
        "exchange_rates": ["rate_date"],
        "support_tickets": ["opened_at"],
        "engagement_activities": ["occurred_at"],
        "contracts": ["start_date"],
        "unit_economics": ["period"],
        "invoice_lines": ["issued_at"],
        "account_parents": ["valid_from"],
        "manual_adjustments": ["period"],
        "revenue_ledger": ["period"],
        "reported_metrics": ["reported_at"],
    }.items():
        known[table] = [row for row in known.get(table, []) if not any(is_later(row.get(start)) for start in starts)]
    for table, ends in {
        "subscriptions": ["ended_at", "cancel_requested_at", "trial_ended_at", "trial_started_at"],
        "subscription_item_versions": ["valid_to"],
        "subscription_pauses": ["paused_to"],
        "support_tickets": ["resolved_at"],
        "onboarding_milestones": ["completed_at"],
        "invoice_lines": ["paid_at"],
        "account_parents": ["valid_to"],
    }.items():
        for row in known.get(table, []):
            if table == "subscriptions" and is_later(row["trial_started_at"]):
                row |= {"status": "active", "trial_ended_at": None}
            elif table == "subscriptions" and is_later(row["trial_ended_at"]):
                row["status"] = "trialing"
            elif table == "subscriptions" and is_later(row["ended_at"]):
                row["status"] = "active"
            elif table == "invoice_lines" and is_later(row["paid_at"]):
                row["status"] = "open"
            row.update({end: None for end in ends if is_later(row[end])})
    return known


class _Inventor:
    def __init__(
        self, random: Random, settings: Settings, first_day: date = FIRST_DAY, prefix: str = "", days: int = DAYS
    ) -> None:
        self.random, self.settings, self.first_day, self.prefix, self.days = random, settings, first_day, prefix, days
        self.zone = ZoneInfo(settings.time_zone)
        self.tables: Tables = defaultdict(list)
        self.picked: list[date] = []

    # Choices

    def maybe(self, percent: int) -> bool:
        return self.random.randrange(100) >= 100 - percent

    def key(self, table: str) -> str:
        return f"{self.prefix}{table}-{len(self.tables[table]) + 1:04}"

    def day(self, first: date | None = None, days: int | None = None) -> date:
        """Pick a day: any, one at a month's turn, near the as-of date, or a window's length away from another."""
        first = first or self.first_day
        day = first + timedelta(days=self.random.randint(0, self.days if days is None else days))
        if self.maybe(40):
            day = (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=self.random.randint(0, 1))
        elif self.maybe(15):
            day = self.settings.as_of_date + timedelta(days=self.random.choice((0, 1, -1)))
        elif self.maybe(25) and self.picked:
            day = self.random.choice(self.picked) + timedelta(days=self.random.choice(WINDOWS))
        day = max(day, first)
        self.picked.append(day)
        return day

    def moment(self, first: date | None = None, days: int | None = None) -> datetime:
        """Pick an instant, near a local midnight as often as not."""
        local = datetime.fromisoformat(f"{self.day(first, days)}T{self.random.choice(CLOCK_TIMES)}")
        return local.replace(tzinfo=self.zone).astimezone(ZoneInfo("UTC")).replace(tzinfo=None)

    def after(self, moment: datetime, days: int) -> datetime:
        """Pick an instant after another one, by so many days at most."""
        return max(self.moment(moment.date(), days), moment + timedelta(hours=self.random.randint(1, 30)))

    def amount(self) -> Decimal:
        if self.maybe(12):
            # Tiny ones, one that rounds to nothing in some months, and what spreadsheets make of a third.
            return Decimal(self.random.choice(("0.00045", "0.000000000001", "0.003", "0.49", "333.333333333333")))
        return Decimal(self.random.choice(("1000", "1200", "500", "99.99", "0", "333.3333", "100000", "1000.5")))

    # Rows

    def company(self, customers: int) -> Tables:
        for product, family, tier, is_recurring, is_metered in PRODUCTS:
            self.tables["products"].append(
                {
                    "product_id": product,
                    "product_name": product,
                    "product_family": family,
                    "tier_rank": tier,
                    "is_recurring": is_recurring,
                    "is_metered": is_metered,
                }
            )
        self._rates()
        self._features()
        self._economics()
        for _ in range(customers):
            self._customer()
        self._parents()
        self._books()
        if self.maybe(30):
            self._write_days()
        return dict(self.tables)

    def _write_days(self) -> None:
        """Write the instants of subscriptions and their versions as days, the ends of some items inclusively."""

        def day(moment: datetime | None) -> date | None:
            return moment and moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(self.zone).date()

        instants = ("started_at", "ended_at", "trial_started_at", "trial_ended_at", "valid_from", "valid_to")
        for table in ("subscriptions", "subscription_item_versions"):
            for row in self.tables[table]:
                row |= {name: day(row[name]) for name in instants if name in row}
        inclusive = {row["subscription_item_id"] for row in self.tables["subscription_item_versions"] if self.maybe(60)}
        for row in self.tables["subscription_item_versions"]:
            end = row["valid_to"]
            if row["subscription_item_id"] in inclusive and end and end > row["valid_from"]:
                row["valid_to"] = end - timedelta(days=1)

    def add_to(self, tables: Tables) -> None:
        """Add rows of days from the first day on to a company."""
        self.tables["products"] = tables["products"]
        self._rates()
        accounts = [row["account_id"] for row in tables["accounts"]]
        subscriptions = [row["subscription_id"] for row in tables.get("subscriptions", [])]
        for account in accounts:
            self._subscriptions(account, replaceable=subscriptions)
            self._life(account)
        for subscription in subscriptions:
            if self.maybe(40):
                self._version(subscription, self.key("subscription_item_versions"), self.moment(), None)
        for account in accounts:
            if self.maybe(20):
                self._parent(account, self.random.choice(accounts), self.moment(), None)
        for row in tables.get("subscription_item_versions", []):
            if self.maybe(30):
                self.tables["subscription_item_versions"].append(
                    row | {"recorded_at": self.moment(), "quantity": row["quantity"] + 1, "valid_to": None}
                )
        self._books()
        # An open milestone has no date: adding one, whenever it is completed, tells of today.
        for name in self.tables.keys() - {"products", "onboarding_milestones"}:
            tables[name] = tables.get(name, []) + self.tables[name]

    def _rates(self) -> None:
        base, quote = ("USD", "JPY") if self.settings.currency == "JPY" else ("JPY", "USD")
        days = [self.first_day] if not self.prefix else []
        days += [self.day() for _ in range(self.random.randint(0, 4))]
        # Month-end rates are brought from the start, from later on or not at all, and they are other ones.
        later = [self.day() for _ in range(self.random.randint(0, 6))]
        month_ends = days + later if self.maybe(60) else later
        for rate_type, rate_days in (("plan", days), ("month_end", month_ends)):
            for day in sorted(set(rate_days)):
                rate = Decimal(self.random.choice(("150", "160", "145.5", "151.12345678")))
                if base == "JPY":
                    rate = Decimal(self.random.choice(("0.0066", "0.00625", "0.00687123")))
                self.tables["exchange_rates"].append(
                    {
                        "rate_date": day,
                        "base_currency": base,
                        "quote_currency": quote,
                        "rate_type": rate_type,
                        "rate": rate,
                    }
                )

    def _economics(self) -> None:
        """Add margin and costs of the company's months, from the first on."""
        for number in range(self.random.choice((0, 0, 12, 20))):
            self.tables["unit_economics"].append(
                {
                    "period": date(self.first_day.year + number // 12, number % 12 + 1, 1),
                    "gross_margin_rate": Decimal(self.random.choice(("0.7", "0.7", "0.65125", "0", "-0.1"))),
                    "currency": self.random.choice(("JPY", "JPY", "USD")),
                    "sales_and_marketing_cost": Decimal(self.random.choice((300000, 300000, "1234.5678", 0)))
                    if self.maybe(95)
                    else None,
                }
            )

    def _parents(self) -> None:
        """Tell what parents accounts once had."""
        accounts = [row["account_id"] for row in self.tables["accounts"]]
        for account in accounts:
            begin = self.moment()
            for _ in range(self.random.choice((0, 0, 0, 1, 1, 2))):
                end = self.after(begin, 200) if self.maybe(60) else None
                self._parent(account, self.random.choice(accounts), begin, end)
                begin = end
                if end is None:
                    break

    def _parent(self, account: str, parent: str, begin: datetime, end: datetime | None) -> None:
        if account != parent:
            self.tables["account_parents"].append(
                {"account_id": account, "parent_account_id": parent, "valid_from": begin, "valid_to": end}
            )

    def _features(self) -> None:
        if self.maybe(60):
            for number in range(4):
                self.tables["features"].append(
                    {"feature_key": f"feature-{number}", "is_core": self.maybe(60), "is_high_value": self.maybe(50)}
                )

    def _customer(self) -> None:
        root = self._account(None, is_internal=self.maybe(10))
        accounts = [root]
        for _ in range(self.random.choice((0, 0, 1, 2))):
            accounts.append(self._account(self.random.choice(accounts), is_internal=self.maybe(15)))
        for account in accounts:
            self._subscriptions(account)
            self._life(account)

    def _account(self, parent: str | None, is_internal: bool) -> str:
        account = self.key("accounts")
        self.tables["accounts"].append(
            {
                "account_id": account,
                "account_name": account.title(),
                "parent_account_id": parent,
                "industry": self.random.choice((None, "Retail", "Finance")),
                "employee_count": self.random.choice((None, 50, 1000)),
                "country": self.random.choice((None, "JP")),
                "billing_currency": "JPY",
                "is_internal": is_internal,
                "created_at": self.moment() if self.maybe(30) else datetime(2020, 1, 1),
            }
        )
        return account

    def _subscriptions(self, account: str, replaceable: list[str] | None = None) -> None:
        earlier: list[tuple[str, datetime | None]] = [(key, None) for key in replaceable or []]
        for _ in range(self.random.choice((1, 1, 2, 2, 3, 0))):
            replaced, start = None, self.moment()
            if earlier and self.maybe(70):
                replaced, end = self.random.choice(earlier)
                if end is not None:
                    start = end + timedelta(days=self.random.choice((30, 0, 1, 29, 31, -5)))
            subscription, end = self._subscription(account, start, replaced)
            for other, _ in earlier:
                if self.maybe(15):
                    pair = {"subscription_id": subscription, "replaces_subscription_id": other}
                    self.tables["subscription_replacements"].append(pair)
            earlier.append((subscription, end))

    def _subscription(self, account: str, start: datetime, replaced: str | None) -> tuple[str, datetime | None]:
        subscription = self.key("subscriptions")
        end = self.after(start, 300) if self.maybe(50) else None
        is_requested = self.maybe(40 if end else 10)
        # Some trials begin later than their subscription, some without a start are too long to be one.
        trial_start = self.after(start, 100) if self.maybe(10) else start if self.maybe(10) else None
        trial_end = self.after(trial_start or start, 40) if self.maybe(90 if trial_start else 25) else None
        # One that goes on at the as-of date could not be told from one without an end, were it too long to be one.
        ends_late = trial_end is not None and trial_end.date() >= self.settings.as_of_date - timedelta(days=1)
        if ends_late and trial_start is None and (trial_end - start).days > 90:
            trial_start = start
        is_withdrawn = end is not None and self.maybe(5)
        if is_withdrawn:
            end = start - timedelta(days=self.random.choice((1, 20)))
        status = "canceled" if end else self.random.choice(("active", "active", "past_due", "paused", "trialing"))
        self.tables["subscriptions"].append(
            {
                "subscription_id": subscription,
                "account_id": account,
                "status": status,
                "started_at": start,
                "trial_started_at": trial_start,
                "trial_ended_at": trial_end,
                "cancel_requested_at": self.after(start, 200) if is_requested else None,
                "ended_at": end,
                "cancel_reason": self.random.choice((None, "price", "product")) if end else None,
                "cancel_kind": self.random.choice((None, "voluntary", "involuntary")) if end else None,
                "replaces_subscription_id": replaced,
            }
        )
        for _ in range(self.random.choice((1, 1, 2, 3))):
            self._item(subscription, start)
        if self.maybe(25):
            paused = self.after(start, 200)
            self.tables["subscription_pauses"].append(
                {
                    "subscription_id": subscription,
                    "paused_from": paused,
                    "paused_to": self.after(paused, 90) if self.maybe(70) else None,
                }
            )
        # Nothing follows on an order that never started.
        return subscription, None if is_withdrawn else end

    def _item(self, subscription: str, start: datetime) -> None:
        item = self.key("subscription_item_versions")
        begin = start if self.maybe(70) else self.after(start - timedelta(days=20), 100)
        versions = self.random.choice((1, 1, 2, 3))
        for number in range(versions):
            end = self.after(begin, 150) if number + 1 < versions or self.maybe(15) else None
            if number == 0 or self.maybe(90):
                self._version(subscription, item, begin, end)
            begin = end
        if self.maybe(15):
            # A correction over some of the days, known later than what it corrects.
            wrong = self.random.choice(self.tables["subscription_item_versions"][-versions:])
            begin = wrong["valid_from"] + timedelta(days=self.random.choice((0, 0, 10, 40)))
            self._version(subscription, item, begin, self.after(begin, 60) if self.maybe(60) else None)
            self.tables["subscription_item_versions"][-1]["recorded_at"] = self.moment()

    def _version(self, subscription: str, item: str, begin: datetime, end: datetime | None) -> None:
        interval, count = self.random.choice(INTERVALS)
        quantity, unit_amount = Decimal(self.random.choice((1, 2, 10, "2.5", 0, 3))), self.amount()
        line = quantity * unit_amount
        discount = self.random.choice((None, None, Decimal(50), Decimal("33.3333"), line))
        kind = self.random.choice(("recurring", "limited", None)) if discount is not None else None
        if kind == "recurring":
            discount = min(discount, line).quantize(Decimal("0.0001"), rounding="ROUND_DOWN")
        previous = [row for row in self.tables["subscription_item_versions"] if row["subscription_item_id"] == item]
        product = self.random.choice(("core-1", "core-1", "core-2", "analytics", "calls", "setup"))
        if previous and self.maybe(70):
            product = previous[-1]["product_id"]
        recorded = None
        if self.maybe(10):
            recorded = begin + timedelta(days=self.random.randint(-5, 60))
        self.tables["subscription_item_versions"].append(
            {
                "item_version_id": self.key("subscription_item_versions"),
                "subscription_item_id": item,
                "subscription_id": subscription,
                "product_id": product,
                "billing_interval": interval,
                "interval_count": count,
                "quantity": quantity,
                "unit_amount": unit_amount,
                "discount_amount": discount,
                "discount_kind": kind,
                "currency": self.random.choice(("JPY", "JPY", "USD")),
                "valid_from": begin,
                "valid_to": end,
                "recorded_at": recorded,
            }
        )

    def _life(self, account: str) -> None:
        """Add what customer success knows about an account."""
        users = self._users(account)
        for _ in range(self.random.choice((0, 0, 3, 12))):
            self._event(account, self.random.choice(users), self.moment())
        if self.maybe(50):
            # A month of daily use, so that some are healthy.
            first, user = self.moment(), self.random.choice(users)
            for day in range(35):
                self._event(account, user, first + timedelta(days=day))
        for _ in range(self.random.choice((0, 0, 4, 8))):
            self._answer(account)
        for _ in range(self.random.choice((0, 2, 3))):
            self.tables["onboarding_milestones"].append(
                {
                    "milestone_id": self.key("onboarding_milestones"),
                    "account_id": account,
                    "milestone_key": "step",
                    "is_required": self.maybe(60),
                    "is_first_value": self.maybe(50),
                    "due_at": self.moment() if self.maybe(50) else None,
                    "completed_at": self.moment() if self.maybe(70) else None,
                }
            )
        for _ in range(self.random.choice((0, 0, 3))):
            opened = self.moment()
            self.tables["support_tickets"].append(
                {
                    "ticket_id": self.key("support_tickets"),
                    "account_id": account,
                    "opened_at": opened,
                    "first_replied_at": None,
                    "resolved_at": self.after(opened, 20) if self.maybe(70) else None,
                    "severity": "normal",
                }
            )
        for _ in range(self.random.choice((0, 0, 3))):
            self.tables["engagement_activities"].append(
                {
                    "activity_id": self.key("engagement_activities"),
                    "account_id": account,
                    "activity_type": "meeting",
                    "occurred_at": self.moment(),
                    "attended": self.maybe(70),
                }
            )
        self._papers(account)

    def _event(self, account: str, user: str | None, moment: datetime) -> None:
        self.tables["usage_events"].append(
            {
                "event_id": self.key("usage_events"),
                "account_id": account,
                "user_id": user,
                "feature_key": f"feature-{self.random.randint(0, 4)}",
                "occurred_at": moment,
                "quantity": None,
            }
        )

    def _users(self, account: str) -> list[str | None]:
        users: list[str | None] = [None, f"{account}-unlisted"]
        for _ in range(self.random.choice((0, 1, 2))):
            user = self.key("users")
            self.tables["users"].append(
                {
                    "user_id": user,
                    "account_id": account,
                    "is_internal": self.maybe(40),
                    "activated_at": datetime(2024, 1, 1),
                    "deactivated_at": None,
                }
            )
            users.append(user)
        return users

    def _answer(self, account: str) -> None:
        survey_type, low, high = self.random.choice((("nps", 0, 10), ("nps", 0, 10), ("csat", 1, 5), ("ces", 1, 7)))
        self.tables["survey_responses"].append(
            {
                "response_id": self.key("survey_responses"),
                "survey_type": survey_type,
                "account_id": account,
                "respondent_id": self.random.choice((None, "p", "q")),
                "score": self.random.randint(low, high),
                "scale_min": low,
                "scale_max": high,
                "responded_at": self.moment(),
                "touchpoint": None,
            }
        )

    def _papers(self, account: str) -> None:
        """Add contracts, invoices and the company's margin."""
        if self.maybe(40):
            start = self.day()
            self.tables["contracts"].append(
                {
                    "contract_id": self._contract_id(account, start),
                    "account_id": account,
                    "start_date": start,
                    "end_date": self.day(start, 300),
                    "auto_renew": self.maybe(60),
                    "currency": "JPY",
                    "annual_amount": Decimal(1000),
                }
            )
        if self.maybe(40):
            issued = self.moment()
            paid = self.after(issued, 200) if self.maybe(50) else None
            self.tables["invoice_lines"].append(
                {
                    "invoice_line_id": self.key("invoice_lines"),
                    "invoice_id": self.key("invoice_lines"),
                    "account_id": account,
                    "issued_at": issued,
                    "service_from": issued.date(),
                    "service_to": issued.date() + timedelta(days=30),
                    "amount_ex_tax": Decimal(self.random.choice((100, 5000, -100, 0))),
                    "currency": "JPY",
                    "is_recurring": True,
                    "is_proration": False,
                    "status": "paid" if paid else self.random.choice(("open", "void", "uncollectible", "paid")),
                    "due_at": self.after(issued, 60) if self.maybe(80) else None,
                    "paid_at": paid,
                    "credit_note_of": None if self.maybe(80) else "elsewhere",
                }
            )
        if self.maybe(30):
            period = self.day().replace(day=1)
            if period not in {row["period"] for row in self.tables["unit_economics"]} and period >= self.first_day:
                self.tables["unit_economics"].append(
                    {
                        "period": period,
                        "gross_margin_rate": Decimal(self.random.choice(("0.7", "0.65125", "-0.1"))),
                        "currency": "JPY",
                    }
                )

    # Books: what finance holds, most of it right

    def _books(self) -> None:
        owners = {row["subscription_id"]: row["account_id"] for row in self.tables["subscriptions"]}
        for version in list(self.tables["subscription_item_versions"]):
            owner = owners.get(version["subscription_id"])
            if owner and self.maybe(60):
                self._bill(owner, version)
        for contract in list(self.tables["contracts"]):
            if self.maybe(60):
                self._renew(contract)
        # Bills of years to come are nobody's bad rows.
        horizon = self.settings.as_of_date + timedelta(days=3000)
        self.tables["invoice_lines"] = [row for row in self.tables["invoice_lines"] if row["service_from"] <= horizon]
        accounts = [row["account_id"] for row in self.tables["accounts"]]
        for _ in range(self.random.choice((0, 2, 4)) if accounts else 0):
            period = self._period()
            if period:
                self.tables["manual_adjustments"].append(
                    {
                        "adjustment_id": self.key("manual_adjustments"),
                        "period": period,
                        "account_id": self.random.choice(accounts),
                        "amount": Decimal(self.random.choice(("500", "-1000", "0.5"))),
                        "currency": self.random.choice(("JPY", "USD")),
                        "reason": "Agreed",
                        "approved_by": "Somebody",
                    }
                )
        for currency in ("JPY", "USD"):
            period = self._period()
            if period:
                self.tables["revenue_ledger"].append(
                    {
                        "period": period,
                        "ledger_account": self.random.choice(("4100 subscription revenue", "4200 usage revenue")),
                        "currency": currency,
                        "amount": Decimal(self.random.choice(("2000", "-10", "333.3333"))),
                    }
                )
        period = self._period()
        if period:
            for value in ("1.01", "0.9"):
                self.tables["reported_metrics"].append(
                    {
                        "period": period,
                        "metric_key": self.random.choice(("nrr", "mrr", "revenue per head")),
                        "value": Decimal(value),
                        "reported_by": "finance",
                        "reported_at": self.moment() + timedelta(seconds=len(self.tables["reported_metrics"])),
                    }
                )

    def _period(self) -> date | None:
        period = self.day().replace(day=1)
        return period if period >= self.first_day else None

    def _bill(self, account: str, version: dict) -> None:
        """Bill a version period by period: in advance or in arrears, in parts, corrected, credited, wrong, or twice."""
        start = version["valid_from"].replace(tzinfo=ZoneInfo("UTC")).astimezone(self.zone).date()
        discount = version["discount_amount"] or 0
        full = max(version["quantity"] * version["unit_amount"] - discount, Decimal(0))
        item = None if self.maybe(1) else version["subscription_item_id"]
        for _ in range(self.random.choice((1, 3, 8))):
            after = _next_period(start, version["billing_interval"], version["interval_count"])
            end = after - timedelta(days=1)
            self._line(account, version, item, start, end, full)
            if self.maybe(15):
                first = min(start + timedelta(days=self.random.choice((1, 7, 20))), end)
                part = full * Decimal((end - first).days + 1) / Decimal((end - start).days + 1)
                part = (part * self.random.choice((1, -1))).quantize(Decimal("0.01"))
                self._line(account, version, item, first, end, part, is_proration=True)
            start = after

    def _line(
        self, account: str, version: dict, item: str | None, start: date, end: date, amount: Decimal, **columns: object
    ) -> None:
        if self.maybe(6):
            amount += Decimal(self.random.choice(("123.45", "-200", "7")))
        if self.maybe(4):
            end = self.random.choice((start, start + timedelta(days=45), date(9999, 12, 31)))
        issued = datetime(start.year, start.month, start.day, 3) + timedelta(days=self.random.choice((0, 0, -3, 20)))
        issued = max(issued, datetime(self.first_day.year, self.first_day.month, self.first_day.day, 15))
        row = {
            "invoice_line_id": self.key("invoice_lines"),
            "invoice_id": self.key("invoice_lines"),
            "account_id": account,
            "subscription_item_id": "of nobody" if self.maybe(3) else item,
            "issued_at": issued,
            "service_from": start,
            "service_to": end,
            "amount_ex_tax": amount.quantize(Decimal("0.0001")),
            "currency": self.random.choice(("JPY", "USD")) if self.maybe(4) else version["currency"],
            "is_recurring": not self.maybe(6),
            "is_proration": False,
            "status": self.random.choice(("open", "paid", "void")) if self.maybe(10) else "open",
            "due_at": None,
            "paid_at": None,
            "credit_note_of": None,
        } | columns
        self.tables["invoice_lines"].append(row)
        if self.maybe(6):
            credit = row | {"invoice_line_id": self.key("invoice_lines"), "credit_note_of": row["invoice_line_id"]}
            part = self.random.choice((Decimal(1), Decimal("0.1")))
            credit |= {
                "amount_ex_tax": (-row["amount_ex_tax"] * part).quantize(Decimal("0.0001")),
                "is_recurring": self.maybe(50),
            }
            self.tables["invoice_lines"].append(credit)

    def _contract_id(self, account: str, start: date) -> str:
        """Name a contract, half of them as a subscription that has begun: then lineage of that is lineage of this."""
        taken = {row["contract_id"] for row in self.tables["contracts"]}
        own = [
            row["subscription_id"]
            for row in self.tables["subscriptions"]
            if row["account_id"] == account
            and row["started_at"].replace(tzinfo=ZoneInfo("UTC")).astimezone(self.zone).date() <= start
            and row["subscription_id"] not in taken
        ]
        chance = Random(f"{account} {start} {len(taken)}")  # of its own: the rest of a company stays as it is
        return chance.choice(own) if own and chance.random() < 0.5 else self.key("contracts")

    def _renew(self, contract: dict) -> None:
        start = contract["end_date"] + timedelta(days=self.random.choice((1, 30, 31, -10)))
        self.tables["contracts"].append(
            contract
            | {
                "contract_id": self._contract_id(contract["account_id"], max(start, self.first_day)),
                "start_date": max(start, self.first_day),
                "end_date": max(start, self.first_day) + timedelta(days=self.random.choice((0, 90, 364))),
                "currency": self.random.choice(("JPY", "USD")),
                "annual_amount": Decimal(self.random.choice((500, 1000, 1500, 0))),
                "renews_contract_id": self.random.choice((contract["contract_id"], contract["contract_id"], "another")),
            }
        )


def _next_period(start: date, interval: str, count: int) -> date:
    """Give the first day after a billing period; a day that its month lacks becomes the month's last."""
    if interval in ("day", "week"):
        return start + timedelta(days=count * (7 if interval == "week" else 1))
    months = start.year * 12 + start.month - 1 + count * (12 if interval == "year" else 1)
    first = date(months // 12, months % 12 + 1, 1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return min(first.replace(day=1) + timedelta(days=start.day - 1), last)


def disturb(random: Random, tables: Tables) -> None:
    """Change a few of the rows that MRR comes from, in every way that a source may."""
    versions, subscriptions = tables["subscription_item_versions"], tables["subscriptions"]
    for row in random.sample(versions, min(4, len(versions))):
        row["quantity"] = Decimal(random.randint(0, 9)) if row["discount_amount"] is None else row["quantity"]
    for row in random.sample(versions, min(3, len(versions))):
        versions.remove(row)
    for row in random.sample(subscriptions, min(4, len(subscriptions))):
        if row["ended_at"] is None:
            end = row["started_at"] + timedelta(days=random.randint(0, 200))
            row |= {"ended_at": end, "status": "canceled"}
        elif row["status"] != "canceled":
            row["ended_at"] = None
    for row in random.sample(tables["accounts"], min(3, len(tables["accounts"]))):
        row["is_internal"] = not row["is_internal"]
    children = [row for row in tables["accounts"] if row["parent_account_id"]]
    for row in random.sample(children, min(3, len(children))):
        row["parent_account_id"] = None
    for row in tables["exchange_rates"]:
        row["rate"] += random.choice([0, 0, 1])


def in_other_words(random: Random, tables: Tables) -> Tables:
    """Give the same rows in the words of billing systems, as files may hold them: landing folds them."""
    other = {name: [dict(row) for row in rows] for name, rows in tables.items()}
    for name, rows in other.items():
        for column in load_contract()[name].columns:
            for row in rows if column.accepted or column.is_currency else ():
                word = row.get(column.name)
                if word in (*column.accepted, "JPY", "USD") and random.randrange(4) == 0:
                    meant = [theirs for theirs, ours in column.words.items() if ours == word]
                    row[column.name] = random.choice([word.upper(), word.title(), f" {word}", *meant, *meant])
    return other


def shuffled(random: Random, tables: Tables) -> Tables:
    """Give the same rows in another order."""
    return {name: random.sample(rows, len(rows)) for name, rows in tables.items()}


def earlier(settings: Settings, days: int) -> Settings:
    """Give the settings of a run so many days before."""
    return replace(settings, as_of_date=settings.as_of_date - timedelta(days=days))
