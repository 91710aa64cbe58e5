"""Every figure of the demo company. What is planted in its data stands here and nowhere else; docs/demo.md explains it.

Changing a value changes the company; the same values give the same files on any day and machine.
"""

from typing import Any

SEED = 20261120
AS_OF_DATE = "2026-10-31"
FIRST_MONTH = "2023-11"
MONTHS = 36
SIMULATED_MONTHS = 40  # a few months more, so that ends already requested by the as-of date exist
UTC_OFFSET_HOURS = 9  # the company keeps Tokyo time, which has no summer time

# --- Size ------------------------------------------------------------------------------------------------------------
CUSTOMERS_PER_SIZE = 400  # root accounts that buy, at --size 1
CHILDREN_PER_CUSTOMER = 0.08
TRIALS_LOST_PER_CUSTOMER = 0.05  # accounts that try and never pay
PROSPECTS_PER_CUSTOMER = 0.08  # accounts that only have an opportunity
INTERNAL_ACCOUNTS = (("自社検証環境", "JP"), ("Demo Sandbox", "US"))

# --- Growth and season: share of new customers by calendar month (January first), times a steady growth -------------
NEW_CUSTOMER_SEASON = (0.75, 0.90, 1.10, 1.60, 0.95, 0.95, 1.05, 0.70, 1.00, 1.35, 1.00, 0.65)
NEW_CUSTOMER_GROWTH_PER_MONTH = 0.010
LAUNCH_MONTH_FACTOR = 4.0  # the launch brings customers who had waited

# --- Countries: weight, billing currency -----------------------------------------------------------------------------
COUNTRIES = {
    "JP": (0.80, "JPY"),
    "US": (0.09, "USD"),
    "SG": (0.05, "USD"),
    "AU": (0.03, "USD"),
    "DE": (0.03, "USD"),
}
CURRENCIES = ("JPY", "USD")
MINOR_UNITS = (1, 100)
INDUSTRIES = {
    "Manufacturing": 0.22,
    "Software": 0.18,
    "Retail": 0.14,
    "Logistics": 0.12,
    "Healthcare": 0.10,
    "Financial services": 0.09,
    "Education": 0.08,
    "Construction": 0.07,
}
INDUSTRY_UNKNOWN_SHARE = 0.03

# --- Products: id, name, family, tier rank, recurring, metered, price a seat and month in JPY and in USD cents -------
PRODUCTS = (
    ("core-starter", "Core Starter", "core", 1, True, False, 1_800, 1_200),
    ("core-business", "Core Business", "core", 2, True, False, 2_600, 1_750),
    ("core-enterprise", "Core Enterprise", "core", 3, True, False, 3_600, 2_400),
    ("analytics-standard", "Analytics Standard", "analytics", 1, True, False, 900, 600),
    ("analytics-plus", "Analytics Plus", "analytics", 2, True, False, 1_500, 1_000),
    ("api-calls", "API Calls (per 1,000)", "platform", 1, True, True, 40, 30),
    ("launch-package", "Launch Package", "services", 1, False, False, 300_000, 200_000),
)
CORE, ANALYTICS, METERED, ONE_TIME = (0, 1, 2), (3, 4), 5, 6

# --- Plans: share of customers, median and spread of seats, hazard factor, trial share, shares of terms -------------
TERMS = ("month", "quarter", "year", "week")
TERM_INTERVAL = (("month", 1), ("month", 3), ("year", 1), ("week", 1))
PLANS = (
    {"share": 0.46, "seats": 14, "spread": 0.55, "hazard": 1.20, "trial": 0.50, "terms": (0.73, 0.05, 0.18, 0.04)},
    {"share": 0.37, "seats": 55, "spread": 0.50, "hazard": 0.90, "trial": 0.30, "terms": (0.57, 0.06, 0.36, 0.01)},
    {"share": 0.17, "seats": 170, "spread": 0.55, "hazard": 0.60, "trial": 0.00, "terms": (0.40, 0.00, 0.60, 0.00)},
)
SEATS_RANGE = (3, 900)
EMPLOYEES_PER_SEAT = 4.0
TRIAL_DAYS = 14
ANNUAL_PRICE_FACTOR = 0.90  # a year costs 12 months less a tenth
ANALYTICS_AT_START = 0.14
ANALYTICS_SEAT_SHARE = 0.40
METERED_SHARE = 0.30
ONE_TIME_SHARE = (0.05, 0.30, 0.80)  # launch package, by plan

# --- Price -----------------------------------------------------------------------------------------------------------
PRICE_UPLIFT = 0.05  # each April, for customers of a year and more, from the first billing period that starts then
UPLIFT_YEARS = (2024, 2025, 2026)
LIST_PRICE_GROWTH = 0.05  # the price list for new customers moves in step
DISCOUNTS: dict[str, Any] = {  # of new subscriptions
    "recurring_share": 0.12,
    "limited_share": 0.10,
    "rates": (0.10, 0.15, 0.20),
    "limited_days": 90,  # limited: the first billing periods up to this day
    "recurring_lapse_share": 0.30,  # recurring ones that fall away after a year
}

# --- Changes of a running subscription: chance a month ---------------------------------------------------------------
CHANGES = {
    "seats_up": 0.120,
    "seats_down": 0.014,
    "tier_up": 0.0070,
    "tier_down": 0.0015,
    "analytics_add": 0.0090,
    "analytics_drop": 0.0040,
    "analytics_up": 0.0020,
}
SEATS_UP_RANGE = (0.04, 0.16)
SEATS_DOWN_RANGE = (0.05, 0.22)
QUIET_DAYS_BEFORE_END = 45  # nobody buys more shortly before leaving

# --- Churn: chance a month, by months since the customer's start; onboarding within 90 days halves it in the first year
MONTHLY_HAZARD = (
    {"until_month": 3, "onboarded": 0.026, "not_onboarded": 0.052},
    {"until_month": 12, "onboarded": 0.016, "not_onboarded": 0.032},
    {"until_month": 999, "onboarded": 0.014, "not_onboarded": 0.014},
)
INVOLUNTARY_SHARE = 0.22
INVOLUNTARY_FROM_MONTH = 3  # of a subscription: before, nothing is overdue for long
MID_MONTH_END_SHARE = 0.30  # of monthly terms; the others leave at the month's end
UNPAID_DAYS_BEFORE_INVOLUNTARY_END = 100
CANCEL_REASONS = {
    "price": 0.25,
    "missing features": 0.20,
    "low adoption": 0.25,
    "competitor": 0.20,
    "closed business": 0.10,
}
INVOLUNTARY_REASON = "unpaid invoice"
EXPIRED_REASON = "contract expired"
CANCEL_NOTICE_DAYS = {"monthly": (15, 45), "other": (30, 75)}
REACTIVATION_SHARE = 0.12  # of voluntary churn
REACTIVATION_DAYS = (60, 240)
LATE_RENEWAL_SHARE = 0.12  # of the anniversaries of annual terms
LATE_RENEWAL_GAP_DAYS = (1, 30)
LAPSED_RENEWAL_SHARE = 0.20  # of the late ones: a gap that is churn
LAPSED_RENEWAL_GAP_DAYS = (31, 60)
CHILD_MONTHLY_HAZARD = 0.008
CHILD_START_MONTHS = (2, 14)  # after the parent
CHILD_MOVED_SHARE = 0.06  # children that had another parent before
CHILD_ACQUIRED_SHARE = 0.15  # children that stood alone before
PAUSE_CHANCE_PER_MONTH = 0.0025  # monthly terms only
PAUSE_MONTHS = (1, 3)

# --- Onboarding ------------------------------------------------------------------------------------------------------
ONBOARDING_DAYS = 90
ONBOARDED_SHARE = 0.72  # would complete in time if they stay
ONBOARDED_DAY_RANGE = (18, 75)
LATE_ONBOARDING_SHARE = 0.40  # of the others
LATE_ONBOARDING_DAY_RANGE = (100, 200)
# key, required, first value, share of the days to completion
MILESTONES = (
    ("kickoff", True, False, 0.10),
    ("data_connected", True, False, 0.35),
    ("first_report", True, True, 0.60),
    ("users_invited", True, False, 1.00),
    ("advanced_training", False, False, 1.30),
)
UNFINISHED_MILESTONES = (1, 3)  # steps that the never-completing still take

# --- Usage: levels with their share of customers (onboarded, not), chance of use on a weekday, events a day of use ---
USAGE_LEVELS = (
    {"name": "high", "onboarded": 0.35, "not_onboarded": 0.15, "day_chance": 0.74, "events": 7.0, "features": 11},
    {"name": "medium", "onboarded": 0.40, "not_onboarded": 0.32, "day_chance": 0.42, "events": 5.0, "features": 8},
    {"name": "low", "onboarded": 0.17, "not_onboarded": 0.26, "day_chance": 0.14, "events": 3.4, "features": 5},
    {"name": "idle", "onboarded": 0.08, "not_onboarded": 0.27, "day_chance": 0.010, "events": 1.8, "features": 3},
)
ONBOARDING_USAGE_LEVEL = 1  # the onboarded use it at least this much in their first days
ONBOARDING_USAGE_DAYS = 120
# days before the end of a customer, factor on the chance of use
USAGE_BEFORE_CHURN = ((1, 30, 0.20), (31, 75, 0.40))
USAGE_MONTH_SPREAD = 0.18
WEEKDAY_FACTOR = (1.0, 1.0, 1.0, 1.0, 0.92, 0.10, 0.07)  # Monday first
HOLIDAYS = {(12, 29): 0.3, (12, 30): 0.15, (12, 31): 0.1, (1, 1): 0.05, (1, 2): 0.05, (1, 3): 0.1,
            (5, 3): 0.1, (5, 4): 0.1, (5, 5): 0.1, (8, 13): 0.5, (8, 14): 0.45, (8, 15): 0.5}  # fmt: skip
# key, core, high value; in the order of popularity
FEATURES = (
    ("dashboard_view", True, False),
    ("record_edit", True, False),
    ("search", True, False),
    ("report_build", True, True),
    ("notification_open", False, False),
    ("bulk_import", True, False),
    ("workflow_run", True, True),
    ("api_sync", True, True),
    ("help_open", False, False),
    ("forecast_run", True, True),
    ("audit_export", False, True),
)
COUNTED_FEATURES = ("bulk_import", "api_sync")  # their events carry a quantity
FEATURE_SKEW = 1.5
USERS_PER_SEAT = 0.20
USERS_RANGE = (2, 25)
USER_ACTIVATION_DAYS = 60
INTERNAL_USER_SHARE = 0.05  # of accounts: one of the vendor's staff works in it
INTERNAL_EVENT_SHARE = 0.02
NO_USER_EVENT_SHARE = 0.02

# --- Surveys ---------------------------------------------------------------------------------------------------------
# NPS follows usage: expected days of use in 28 days from, mean score
NPS_BY_USAGE = ((11.0, 9.0), (5.0, 8.3), (1.2, 7.1), (0.0, 5.6))
NPS_PERSON_SPREAD = 0.8
NPS_ANSWER_SPREAD = 1.1
NPS_EVERY_MONTHS = 3
NPS_RESPONDENTS = 3
NPS_RESPONSE_RATE = 0.30
CSAT_SEND_SHARE = 0.65  # of resolved tickets
CSAT_RESPONSE_RATE = 0.33
CSAT_BY_HOURS = ((24.0, 4.4), (96.0, 3.9), (1e9, 3.1))  # hours to resolve up to, mean score
CES_SEND_SHARE = 0.30
CES_RESPONSE_RATE = 0.27
CES_MEAN = 5.3
COMMENTS = (
    "使いやすいです。",
    "サポートが早い。",
    "レポートの出力が遅い。",
    "Great onboarding.",
    "Pricing is hard to explain internally.",
)

# --- Support and engagement ------------------------------------------------------------------------------------------
TICKETS_PER_MONTH = (0.55, 0.45, 0.30, 0.06)  # by usage level
TICKETS_BEFORE_CHURN = 0.45  # more a month in the last 75 days
TICKET_HOURS_MEDIAN = 17.0
TICKET_HOURS_MEDIAN_BEFORE_CHURN = 55.0
TICKET_HOURS_SPREAD = 1.0
SEVERITIES = {"low": 0.35, "normal": 0.45, "high": 0.15, "urgent": 0.05}
# chance a month by plan
ACTIVITIES = {
    "meeting": (0.05, 0.40, 0.92),
    "business_review": (0.00, 0.08, 0.32),
    "webinar": (0.10, 0.15, 0.12),
    "training": (0.04, 0.08, 0.15),
    "download": (0.15, 0.18, 0.20),
    "email": (0.30, 0.30, 0.30),
    "community": (0.08, 0.08, 0.06),
}
ATTENDANCE = (0.90, 0.80, 0.62, 0.35)  # by usage level
ATTENDANCE_BEFORE_CHURN = 0.40

# --- Billing ---------------------------------------------------------------------------------------------------------
PAYMENT_DAYS = 30
PAID_IN_TIME_SHARE = 0.91
PAID_LATE_DAYS = (1, 25)
VERY_LATE_SHARE = 0.015
VERY_LATE_DAYS = (26, 60)
VOID_SHARE = 0.003  # invoices cancelled and written again
GOODWILL_SHARE = 0.003  # lines that get a tenth back
GOODWILL_RATE = 0.10
METERED_UNITS_MEAN = 150
AUTO_RENEW_SHARE = 0.85
NOTICE_DAYS = (30, 60, 90)
LEDGER = {"recurring": "4100 subscription revenue", "limited": "4190 campaign discounts",
          "metered": "4200 usage revenue", "one_time": "4300 services revenue"}  # fmt: skip
REPORTED_DIFFERENCES = {"2025-06": 0.0040, "2026-03": -0.0025}  # finance's NRR less ours, in these months
REPORTED_CORRECTION = "2025-09"  # published twice: first too high by the figure below
REPORTED_CORRECTION_AMOUNT = 0.0150
ADJUSTED_FROM_MRR = 300_000  # of the customers that they concern, in yen
ADJUSTMENTS = (
    ("2024-12-01", -50_000, "Credit agreed for an outage"),
    ("2025-03-01", 120_000, "Late true-up of seats"),
    ("2025-08-01", -30_000, "Rounding of a migrated contract"),
    ("2026-02-01", -80_000, "Credit agreed for a delayed launch"),
    ("2026-06-01", 45_000, "Late true-up of seats"),
)

# --- Rates -----------------------------------------------------------------------------------------------------------
PLAN_RATES = {"2023-04-01": 135, "2024-04-01": 145, "2025-04-01": 150, "2026-04-01": 155}  # USD to JPY
MONTH_END_RATES = (  # USD to JPY, from the end of October 2023 on
    151.30, 147.20, 141.80, 146.90, 150.10, 151.40, 157.80, 157.30, 160.90, 149.80, 146.20, 142.60,
    152.00, 149.80, 157.20, 155.20, 150.60, 149.90, 142.70, 144.00, 144.10, 150.70, 147.00, 147.90,
    154.00, 156.10, 156.70, 154.80, 156.00, 157.40, 155.10, 153.90, 152.60, 154.20, 155.70, 154.40,
    153.80,
)  # fmt: skip

# --- Unit economics --------------------------------------------------------------------------------------------------
GROSS_MARGIN = (0.70, 0.74)  # rising steadily
ACQUISITION_COST = 1_500_000  # sales and marketing cost a new customer, JPY
SALES_BASE_COST = 2_000_000  # a month at --size 1
CS_COST_PER_CUSTOMER = 9_000  # a month

# --- Customer success ------------------------------------------------------------------------------------------------
CUSTOMERS_PER_CSM = 45
CSM_REASSIGNED_SHARE = 0.35
UNASSIGNED_SHARE = 0.10  # of the smallest plan
HANDOFF_ITEM_SHARE = 0.85
HANDOFF_SHARE = 0.92
FEEDBACK_PER_MONTH = 0.10
FEEDBACK_KINDS = {
    "usage_and_satisfaction": 0.45,
    "upsell_signal": 0.15,
    "success_story": 0.15,
    "request_or_complaint": 0.25,
}
REFERRAL_PER_MONTH = 0.010
REFERRAL_STATUS = {"submitted": 0.25, "qualified": 0.35, "won": 0.20, "lost": 0.20}
SUCCESS_PLAN_SHARE = (0.20, 0.55, 0.95)  # by plan
SUCCESS_GOALS = (
    "月次レポート作成時間の短縮",
    "利用部門の拡大",
    "Fewer manual handovers",
    "Forecast accuracy",
    "定着率の向上",
)
SUCCESS_ACHIEVED_SHARE = 0.55
HANDOFF_TEXTS = {
    "business_challenge": ("Reports take days", "手作業の集計が多い", "Data in many places"),
    "success_definition": ("Reports in one hour", "利用率80%以上", "One source for all teams"),
    "key_people": ("部長・推進担当", "Head of operations", "情報システム担当"),
    "deal_history": ("Compared with two others", "紹介による商談", "Trial went well"),
    "rollout_plan": ("One team first", "全社一斉導入", "Two waves"),
    "commitments": ("Monthly review", "移行支援あり", "No special terms"),
    "literacy_level": ("beginner", "intermediate", "advanced"),
}
LOST_OPPORTUNITY_PER_MONTH = 0.012
OPEN_OPPORTUNITY_SHARE = 0.10
