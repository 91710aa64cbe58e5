"""A company told in a few lines: raw rows with everything that a test does not care about filled in."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from builders.warehouse import Settings, Warehouse
from builders.world import World
from orchestration.landing import load_contract

PRODUCTS = (
    # id, family, tier, recurring, metered
    ("core-1", "core", 1, True, False),
    ("core-2", "core", 2, True, False),
    ("analytics", "analytics", 1, True, False),
    ("calls", "calls", 1, True, True),
    ("setup", "setup", 1, False, False),
)
SCALES = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
DEFAULTS = {
    "accounts": {"is_internal": False, "billing_currency": "JPY", "created_at": "2020-01-01"},
    "subscriptions": {},
    "subscription_item_versions": {"billing_interval": "month", "interval_count": 1, "quantity": 1, "currency": "JPY"},
    "usage_events": {"feature_key": "reports"},
    "onboarding_milestones": {"milestone_key": "setup", "is_required": True, "is_first_value": False},
    "contracts": {"auto_renew": True, "currency": "JPY", "annual_amount": 0},
    "invoice_lines": {
        "invoice_id": "invoice",
        "issued_at": "2020-01-01",
        "service_from": "2020-01-01",
        "service_to": "2020-01-31",
        "amount_ex_tax": 100,
        "currency": "JPY",
        "is_recurring": True,
        "is_proration": False,
        "status": "open",
    },
    "exchange_rates": {"quote_currency": "JPY", "rate_type": "plan"},
    "support_tickets": {"severity": "normal"},
    "engagement_activities": {"activity_type": "meeting", "attended": True},
    "users": {"activated_at": "2020-01-01", "is_internal": False},
    "features": {"is_core": True, "is_high_value": True},
    "unit_economics": {"currency": "JPY"},
}


class Company:
    """Raw rows, added one by one. Times are local to the company's time zone unless they end in Z.

    A text is an instant, also one without a clock; a `date` in a column of instants is a day without a clock.
    """

    def __init__(self, warehouse: Warehouse, as_of: str, **settings: object) -> None:
        """Start without customers, with the products above; settings are those of a world."""
        self._warehouse = warehouse
        self.settings = Settings(date.fromisoformat(as_of), **settings)
        self.tables: dict[str, list[dict]] = defaultdict(list)
        self._keys = Counter()
        for product, family, tier, is_recurring, is_metered in PRODUCTS:
            self.add(
                "products",
                product_id=product,
                product_name=product,
                product_family=family,
                tier_rank=tier,
                is_recurring=is_recurring,
                is_metered=is_metered,
            )

    def add(self, table: str, **columns: object) -> dict:
        """Add a raw row; a key that is not given is made up, an account that is not known is added."""
        contract = load_contract()[table]
        row = DEFAULTS.get(table, {}) | columns
        (*_, key) = contract.key
        if key not in row:
            self._keys[table] += 1
            row = {key: f"{table}-{self._keys[table]:03}"} | row
        types = {column.name: column.data_type for column in contract.columns}
        row = {name: self._typed(value, types[name]) for name, value in row.items()}
        self.tables[table].append(row)
        owner = row.get("account_id")
        if (
            table != "accounts"
            and owner
            and owner not in {account["account_id"] for account in self.tables["accounts"]}
        ):
            self.account(owner)
        return row

    def account(self, account: str, parent: str | None = None, **columns: object) -> None:
        """Add an account."""
        self.add("accounts", account_id=account, account_name=account.title(), parent_account_id=parent, **columns)

    def subscription(self, account: str, start: str, end: str | None = None, **columns: object) -> str:
        """Add a subscription without items and give its key."""
        status = {"status": "canceled" if end else "active"}
        row = status | {"account_id": account, "started_at": start, "ended_at": end} | columns
        return self.add("subscriptions", **row)["subscription_id"]

    def item(self, subscription: str, unit_amount: object, quantity: object = 1, **columns: object) -> str:
        """Add an item to a subscription, in force from its start, and give the item's key."""
        (owner,) = (row for row in self.tables["subscriptions"] if row["subscription_id"] == subscription)
        row = {
            "subscription_item_id": f"{subscription}-item-{len(self.tables['subscription_item_versions']) + 1:03}",
            "subscription_id": subscription,
            "product_id": "core-1",
            "quantity": quantity,
            "unit_amount": unit_amount,
            "valid_from": owner["started_at"],
        }
        return self.add("subscription_item_versions", **row | columns)["subscription_item_id"]

    def sell(
        self,
        account: str,
        unit_amount: object,
        start: str,
        end: str | None = None,
        quantity: object = 1,
        **columns: object,
    ) -> str:
        """Add a subscription with one item and give the item's key; columns are the item's."""
        return self.item(self.subscription(account, start, end), unit_amount, quantity, **columns)

    def change(self, item: str, at: str, **columns: object) -> None:
        """End an item's latest version and let another one, with some columns changed, follow at once."""
        latest = [row for row in self.tables["subscription_item_versions"] if row["subscription_item_id"] == item][-1]
        moment = self._typed(at, "timestamp")
        following = {name: value for name, value in latest.items() if name != "item_version_id"}
        latest["valid_to"] = moment
        self.add("subscription_item_versions", **following | {"valid_from": moment, "valid_to": None} | columns)

    def answer(self, account: str, survey_type: str, score: int, at: str, **columns: object) -> None:
        """Add an answer to a survey."""
        low, high = SCALES[survey_type]
        row = {"survey_type": survey_type, "score": score, "scale_min": low, "scale_max": high, "responded_at": at}
        self.add("survey_responses", account_id=account, **row | columns)

    def use(self, account: str, *moments: str, **columns: object) -> None:
        """Add an event at each moment."""
        for moment in moments:
            self.add("usage_events", account_id=account, occurred_at=moment, **columns)

    def build(self, *only: str, **options: object) -> World:
        """Build the models named and what they read."""
        return self._warehouse.build(self.tables, self.settings, only, **options)

    def mrr(self, account: str) -> dict[str, Decimal]:
        """Build the ledger and give a customer's MRR by month."""
        return self.build("fct_account_months").mrr(account)

    def metric(self, key: str, month: str):
        """Build a metric and give its total of a month."""
        return self.build(f"metric_{key}").metric(key, month)

    def _typed(self, value: object, data_type: str) -> object:
        if value is None or not isinstance(value, str):
            return value
        if data_type == "timestamp":
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=ZoneInfo(self.settings.time_zone))
            return moment.astimezone(UTC).replace(tzinfo=None)
        if data_type == "date":
            return date.fromisoformat(value)
        return Decimal(value) if data_type.startswith("decimal") else value
