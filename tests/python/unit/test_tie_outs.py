"""MRR held against what finance trusts: invoices, recognised revenue, reported figures; and the way down from NRR."""

import calendar
import shutil
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from builders import Company, Settings, Warehouse, World, identities

from orchestration.demo.company import write_demo

TIE_OUT = "mrr_to_invoices"


def bill(acme: Company, item: str | None, first: str, last: str, amount: object, **columns: object) -> str:
    """Add an invoice line of the customer acme, issued on the first day that it serves, and give its key."""
    row = {"account_id": "acme", "subscription_item_id": item, "issued_at": first}
    row |= {"service_from": first, "service_to": last, "amount_ex_tax": amount}
    return acme.add("invoice_lines", **row | columns)["invoice_line_id"]


def bill_months(acme: Company, item: str, amount: object, *months: str, **columns: object) -> None:
    """Add an invoice line for each calendar month."""
    for month in months:
        year, number = map(int, month.split("-"))
        bill(acme, item, f"{month}-01", f"{month}-{calendar.monthrange(year, number)[1]}", amount, **columns)


def walk(world: World, month: str, account: str = "acme") -> dict[str, Decimal]:
    """Give the classes of a customer and month that are not 0."""
    rows = world.rows(f"reconciliation.{TIE_OUT}", account_id=account, month=month)
    return {getattr(row, "class"): row.amount for row in rows if row.amount}


def classes(world: World, month: str) -> dict[str, str]:
    """Give the class of every invoice line that serves a month."""
    rows = world.rows("reconciliation.invoice_line_classes", month=month)
    return {row.invoice_line_id: getattr(row, "class") for row in rows}


def company_walk(world: World, month: str):
    """Give what stays unexplained in a month for the whole company."""
    return world.row(f"reconciliation.{TIE_OUT}", **{"month": month, "is_total": True, "class": "unexplained"})


# Invoices: one test a class


def test_a_month_billed_as_sold_is_matched(company):
    acme = company("2025-04-30")
    item = acme.sell("acme", 100_000, "2025-03-01")
    bill_months(acme, item, 100_000, "2025-03", "2025-04")
    world = acme.build(TIE_OUT)
    assert walk(world, "2025-03") == {"invoiced": 100_000, "mrr": 100_000}
    assert set(classes(world, "2025-03").values()) == {"matched"}


def test_a_year_in_advance_counts_as_a_twelfth_of_it_a_month(company):
    acme = company("2025-12-31")
    item = acme.sell("acme", 1_200_000, "2025-01-01", billing_interval="year")
    bill(acme, item, "2025-01-01", "2025-12-31", 1_200_000)
    world = acme.build(TIE_OUT)
    for month in ("2025-01", "2025-02", "2025-12"):
        assert walk(world, month) == {"invoiced": 100_000, "mrr": 100_000}


def test_a_month_that_service_covers_in_part_is_timing(company):
    acme = company("2025-08-31")
    item = acme.sell("acme", 1_200_000, "2025-06-16", billing_interval="year")
    line = bill(acme, item, "2025-06-16", "2026-06-15", 1_200_000)
    world = acme.build(TIE_OUT)
    # 15 of 30 days of June; MRR counts the month whole.
    assert walk(world, "2025-06") == {"invoiced": 50_000, "timing": 50_000, "mrr": 100_000}
    assert walk(world, "2025-07") == {"invoiced": 100_000, "mrr": 100_000}
    assert (classes(world, "2025-06")[line], classes(world, "2025-07")[line]) == ("timing", "matched")


def test_billing_months_that_begin_on_the_15th_are_matched_but_for_timing(company):
    acme = company("2025-04-30")
    item = acme.sell("acme", 100_000, "2025-02-15")
    for first, last in (("2025-02-15", "2025-03-14"), ("2025-03-15", "2025-04-14"), ("2025-04-15", "2025-05-14")):
        bill(acme, item, first, last, 100_000)
    world = acme.build(TIE_OUT)
    for month in ("2025-02", "2025-03", "2025-04"):
        assert set(walk(world, month)) == {"invoiced", "timing", "mrr"}
        assert walk(world, month)["mrr"] == 100_000


def test_a_week_is_worth_52_twelfths_of_it_a_month(company):
    acme = company("2025-02-28")
    item = acme.sell("acme", 7_000, "2025-02-03", billing_interval="week")
    for week in range(4):
        first = date(2025, 2, 3) + timedelta(weeks=week)
        bill(acme, item, f"{first}", f"{first + timedelta(days=6)}", 7_000)
    # The last week runs into March with 2 of its 7 days; 30,333 = 7,000 x 52 / 12.
    assert set(walk(acme.build(TIE_OUT), "2025-02")) == {"invoiced", "timing", "mrr"}
    assert walk(acme.build(TIE_OUT), "2025-02")["mrr"] == 30_333


def test_a_change_inside_a_month_is_proration(company):
    acme = company("2025-04-30")
    item = acme.sell("acme", 31_000, "2025-03-01")
    acme.change(item, "2025-03-11", unit_amount=62_000)
    bill(acme, item, "2025-03-01", "2025-03-31", 31_000)
    line = bill(acme, item, "2025-03-11", "2025-03-31", 21_000, is_proration=True)
    bill_months(acme, item, 62_000, "2025-04")
    world = acme.build(TIE_OUT)
    assert walk(world, "2025-03") == {"invoiced": 52_000, "proration": 10_000, "mrr": 62_000}
    assert walk(world, "2025-04") == {"invoiced": 62_000, "mrr": 62_000}
    assert classes(world, "2025-03")[line] == "proration"


@pytest.mark.parametrize(
    ("columns", "amount", "name"),
    [
        ({"is_recurring": False}, 300_000, "one_off"),
        ({"is_recurring": False}, -5_000, "credit_note"),
        ({"is_recurring": False, "credit_note_of": "another"}, -5_000, "credit_note"),
    ],
)
def test_what_does_not_recur_is_a_class_of_its_own(company, columns, amount, name):
    acme = company("2025-03-31")
    item = acme.sell("acme", 100_000, "2025-03-01")
    bill_months(acme, item, 100_000, "2025-03")
    line = bill(acme, item, "2025-03-01", "2025-03-31", amount, **columns)
    world = acme.build(TIE_OUT)
    assert walk(world, "2025-03") == {"invoiced": 100_000 + amount, name: -amount, "mrr": 100_000}
    assert classes(world, "2025-03")[line] == name


@pytest.mark.parametrize(("product", "name"), [("calls", "usage"), ("setup", "one_off")])
def test_a_product_that_carries_no_mrr_says_what_its_lines_are(company, product, name):
    acme = company("2025-03-31")
    item = acme.sell("acme", 40, "2025-03-01", product_id=product)
    bill_months(acme, item, 4_000, "2025-03")
    acme.sell("other", 1, "2025-03-01")
    assert walk(acme.build(TIE_OUT), "2025-03") == {"invoiced": 4_000, name: -4_000}


def test_a_limited_discount_lowers_the_invoice_and_not_mrr(company):
    acme = company("2025-03-31")
    item = acme.sell("acme", 100_000, "2025-03-01", discount_amount=10_000, discount_kind="limited")
    bill_months(acme, item, 90_000, "2025-03")
    assert walk(acme.build(TIE_OUT), "2025-03") == {"invoiced": 90_000, "one_off": 10_000, "mrr": 100_000}


def test_what_nobody_bills_is_unbilled_and_a_void_line_bills_nothing(company):
    acme = company("2025-03-31")
    item = acme.sell("acme", 100_000, "2025-03-01")
    line = bill(acme, item, "2025-03-01", "2025-03-31", 100_000, status="void")
    world = acme.build(TIE_OUT)
    assert walk(world, "2025-03") == {"unbilled": 100_000, "mrr": 100_000}
    assert line not in classes(world, "2025-03")


def test_a_line_issued_after_the_as_of_date_is_not_known(company):
    acme = company("2025-03-31")
    item = acme.sell("acme", 100_000, "2025-03-01")
    bill(acme, item, "2025-03-01", "2025-03-31", 100_000, issued_at="2025-04-01")
    assert walk(acme.build(TIE_OUT), "2025-03") == {"unbilled": 100_000, "mrr": 100_000}


def test_what_is_billed_after_the_end_is_billed_without_contract(company):
    acme = company("2025-04-30")
    item = acme.sell("acme", 100_000, "2025-02-01", "2025-04-01")
    bill_months(acme, item, 100_000, "2025-02", "2025-03", "2025-04")
    world = acme.build(TIE_OUT)
    assert walk(world, "2025-03") == {"invoiced": 100_000, "mrr": 100_000}
    assert walk(world, "2025-04") == {"invoiced": 100_000, "billed_without_contract": -100_000}
    assert set(classes(world, "2025-04").values()) == {"billed_without_contract"}


def test_a_bill_that_ends_on_the_day_of_the_next_ends_the_day_before(company):
    acme = company("2025-03-31")
    item = acme.sell("acme", 100_000, "2025-01-01")
    for first, last in (("2025-01-01", "2025-02-01"), ("2025-02-01", "2025-03-01"), ("2025-03-01", "2025-04-01")):
        bill(acme, item, first, last, 100_000)
    world = acme.build(TIE_OUT, "row_warnings")
    for month in ("2025-01", "2025-02", "2025-03"):
        assert walk(world, month) == {"invoiced": 100_000, "mrr": 100_000}
    assert len(world.rows("audit.row_warnings", table_name="invoice_lines", warning="inclusive_day")) == 3


def test_a_bill_alone_is_inclusive(company):
    acme = company("2025-03-31")
    item = acme.sell("acme", 100_000, "2025-01-01")
    bill(acme, item, "2025-03-01", "2025-04-01", 100_000)
    assert walk(acme.build(TIE_OUT), "2025-03")["unexplained"] != 0


def test_a_credit_marked_recurring_explains_what_it_lowers_and_no_more(company):
    acme = company("2025-04-30")
    item = acme.sell("acme", 100_000, "2025-02-01")
    bill_months(acme, item, 100_000, "2025-02", "2025-04")
    bill_months(acme, item, 90_000, "2025-03")
    bill_months(acme, item, -5000, "2025-02", "2025-03", credit_note_of="another")
    bill_months(acme, item, -5000, "2025-04")
    world = acme.build(TIE_OUT)
    assert walk(world, "2025-02") == {"invoiced": 95_000, "credit_note": 5000, "mrr": 100_000}
    assert walk(world, "2025-03") == {"invoiced": 85_000, "credit_note": 5000, "unexplained": 10_000, "mrr": 100_000}
    assert walk(world, "2025-04") == {"invoiced": 95_000, "credit_note": 5000, "mrr": 100_000}


def test_what_an_adjustment_explains_a_credit_does_not_explain_again(company):
    acme = company("2025-03-31")
    item = acme.sell("acme", 100_000, "2025-02-01")
    bill_months(acme, item, 100_000, "2025-02", "2025-03")
    bill_months(acme, item, -5000, "2025-02", "2025-03")
    bill_months(acme, item, -2000, "2025-03")
    for month, amount in (("2025-02", -5000), ("2025-03", -2000)):
        acme.add(
            "manual_adjustments",
            account_id="acme",
            period=f"{month}-01",
            amount=amount,
            currency="JPY",
            reason="Agreed",
            approved_by="Controller",
        )
    world = acme.build(TIE_OUT)
    assert walk(world, "2025-02") == {"invoiced": 95_000, "manual_adjustment": 5000, "mrr": 100_000}
    assert walk(world, "2025-03") == {
        "invoiced": 93_000, "credit_note": 5000, "manual_adjustment": 2000, "mrr": 100_000,
    }  # fmt: skip


def test_what_is_billed_after_the_end_and_credited_is_a_credit_note(company):
    acme = company("2025-04-30")
    item = acme.sell("acme", 100_000, "2025-02-01", "2025-04-01")
    bill_months(acme, item, 100_000, "2025-02", "2025-03", "2025-04")
    bill_months(acme, item, -100_000, "2025-04", credit_note_of="another")
    world = acme.build(TIE_OUT)
    assert walk(world, "2025-04") == {}
    assert set(classes(world, "2025-04").values()) == {"credit_note"}


def test_a_month_billed_whole_and_ended_inside_is_timing(company):
    acme = company("2025-03-31")
    item = acme.sell("acme", 100_000, "2025-02-01", "2025-03-16")
    bill_months(acme, item, 100_000, "2025-02", "2025-03")
    assert walk(acme.build(TIE_OUT), "2025-03") == {"invoiced": 100_000, "timing": -100_000}


def test_a_month_billed_and_paused_is_timing(company):
    acme = company("2025-03-31")
    subscription = acme.subscription("acme", "2025-02-01")
    item = acme.item(subscription, 100_000)
    acme.add("subscription_pauses", subscription_id=subscription, paused_from="2025-03-10")
    bill_months(acme, item, 100_000, "2025-02", "2025-03")
    assert walk(acme.build(TIE_OUT), "2025-03") == {"invoiced": 100_000, "timing": -100_000}


def test_a_late_renewal_that_bills_the_gap_at_the_old_price_is_matched(company):
    acme = company("2025-05-31")
    old = acme.subscription("acme", "2025-01-01", "2025-03-20")
    bill_months(acme, acme.item(old, 100_000), 100_000, "2025-01", "2025-02")
    new = acme.subscription("acme", "2025-04-10", replaces_subscription_id=old)
    bill_months(acme, acme.item(new, 100_000), 100_000, "2025-03", "2025-04", "2025-05")
    world = acme.build(TIE_OUT)
    # The old item carries MRR at the end of March, the new one's line bills it.
    assert walk(world, "2025-03") == {"invoiced": 100_000, "mrr": 100_000}


def test_another_rate_on_the_invoice_is_fx(company):
    acme = company("2025-03-31")
    acme.add("exchange_rates", base_currency="USD", rate_date="2025-01-01", rate=150)
    acme.add("exchange_rates", base_currency="USD", rate_date="2025-03-31", rate=140, rate_type="month_end")
    item = acme.sell("acme", 1_000, "2025-03-01", currency="USD")
    bill_months(acme, item, 1_000, "2025-03", currency="USD")
    assert walk(acme.build(TIE_OUT), "2025-03") == {"invoiced": 140_000, "fx": 10_000, "mrr": 150_000}


def test_without_month_end_rates_the_plan_rate_holds(company):
    acme = company("2025-03-31")
    acme.add("exchange_rates", base_currency="USD", rate_date="2025-01-01", rate=150)
    item = acme.sell("acme", 1_000, "2025-03-01", currency="USD")
    bill_months(acme, item, 1_000, "2025-03", currency="USD")
    assert walk(acme.build(TIE_OUT), "2025-03") == {"invoiced": 150_000, "mrr": 150_000}


def test_a_wrong_amount_is_unexplained_and_names_its_line(company):
    acme = company("2025-03-31")
    item, other = acme.sell("acme", 100_000, "2025-02-01"), acme.sell("acme", 50_000, "2025-02-01")
    bill_months(acme, item, 100_000, "2025-02")
    bill_months(acme, other, 50_000, "2025-02", "2025-03")
    line = bill(acme, item, "2025-03-01", "2025-03-31", 110_000)
    world = acme.build(TIE_OUT)
    assert walk(world, "2025-03") == {"invoiced": 160_000, "unexplained": -10_000, "mrr": 150_000}
    assert [name for name, found in classes(world, "2025-03").items() if found == "unexplained"] == [line]


def test_an_adjustment_explains_with_its_reason_and_never_enters_mrr(company):
    acme = company("2025-03-31")
    item = acme.sell("acme", 100_000, "2025-03-01")
    bill_months(acme, item, 350_000, "2025-03")
    acme.add(
        "manual_adjustments",
        account_id="acme",
        period="2025-03-01",
        amount=250_000,
        currency="JPY",
        reason="Late true-up",
        approved_by="Controller",
    )
    world = acme.build(TIE_OUT)
    assert walk(world, "2025-03") == {"invoiced": 350_000, "manual_adjustment": -250_000, "mrr": 100_000}
    explained = world.row(
        f"reconciliation.{TIE_OUT}", **{"month": "2025-03", "account_id": "acme", "class": "manual_adjustment"}
    )
    assert explained.explanation == "Late true-up (Controller)"
    assert not company_walk(world, "2025-03").is_breach


def test_lines_that_name_no_item_are_held_against_the_customer_as_a_whole(company):
    acme = company("2025-03-31")
    acme.sell("acme", 100_000, "2025-03-01")
    acme.sell("acme", 50_000, "2025-03-01", product_id="analytics")
    bill_months(acme, None, 150_000, "2025-03")
    assert walk(acme.build(TIE_OUT), "2025-03") == {"invoiced": 150_000, "mrr": 150_000}


def test_children_are_billed_for_their_parent(company):
    acme = company("2025-03-31")
    acme.account("child", parent="acme")
    item = acme.sell("child", 100_000, "2025-03-01")
    bill_months(acme, item, 100_000, "2025-03")
    assert walk(acme.build(TIE_OUT), "2025-03") == {"invoiced": 100_000, "mrr": 100_000}


def test_lines_of_an_internal_account_are_left_out(company):
    acme = company("2025-03-31")
    acme.account("acme", is_internal=True)
    bill_months(acme, acme.sell("acme", 100_000, "2025-03-01"), 100_000, "2025-03")
    acme.sell("other", 1, "2025-03-01")
    assert classes(acme.build(TIE_OUT), "2025-03") == {}


@pytest.mark.parametrize("amount", ["100", "99.9999", "-7.7777", "0.0001"])
def test_the_months_of_a_line_sum_to_it_wherever_they_lie(company, amount):
    acme = company("2025-03-20")
    item = acme.sell("acme", 100, "2025-02-01")
    line = bill(acme, item, "2024-11-17", "2026-01-05", amount)
    found = acme.build("invoice_line_classes").rows("reconciliation.invoice_line_classes", invoice_line_id=line)
    rows = sorted(found, key=lambda row: row.month)
    assert [f"{row.month:%Y-%m}" for row in rows] == ["2025-01", "2025-02", "2025-03", "2025-04"]
    assert [row.is_published for row in rows] == [False, True, True, False]
    assert sum(row.native_amount for row in rows) == Decimal(amount)


# Invoices: tolerance


@pytest.mark.parametrize(
    ("currency", "mrr", "error", "is_breach"),
    [
        ("JPY", 1_000_000, 100_000, False),
        ("JPY", 1_000_000, 100_001, True),
        ("JPY", 200_000_000, 200_000, False),
        ("JPY", 200_000_000, 200_001, True),
        ("USD", 10_000, 1_000, False),
        ("USD", 10_000, "1000.01", True),
        ("CHF", 10_000, 10, False),
        ("CHF", 10_000, "10.01", True),
    ],
)
def test_the_tolerance_is_a_share_of_mrr_or_an_amount_in_the_reporting_currency(
    company, currency, mrr, error, is_breach
):
    acme = company("2025-03-31", currency=currency)
    item = acme.sell("acme", mrr, "2025-03-01", currency=currency)
    bill_months(acme, item, Decimal(mrr) + Decimal(error), "2025-03", currency=currency)
    found = company_walk(acme.build(TIE_OUT), "2025-03")
    assert (found.amount, found.is_breach) == (-Decimal(error), is_breach)
    assert found.severity == ("warn" if is_breach else None)


def test_two_errors_do_not_hide_each_other(company):
    acme = company("2025-03-31")
    for account, error in (("acme", 80_000), ("other", -80_000)):
        item = acme.sell(account, 500_000, "2025-03-01")
        bill_months(acme, item, 500_000 + error, "2025-03", account_id=account)
    found = company_walk(acme.build(TIE_OUT), "2025-03")
    assert (found.amount, found.gross_amount, found.is_breach) == (0, 160_000, True)


def test_nor_do_two_errors_of_one_customer(company):
    acme = company("2025-03-31")
    for error in (80_000, -80_000):
        item = acme.sell("acme", 500_000, "2025-03-01")
        bill_months(acme, item, 500_000 + error, "2025-03")
    world = acme.build(TIE_OUT)
    assert set(classes(world, "2025-03").values()) == {"unexplained"}


def test_a_breach_warns_in_an_open_month_and_is_an_error_in_a_closed_one(company, warehouse):
    acme = company("2025-03-31")
    bill_months(acme, acme.sell("acme", 500_000, "2025-03-01"), 900_000, "2025-03")
    warning = next(node for node in warehouse.tests if node["name"] == "assert_tie_outs_hold_in_open_months")
    error = warehouse.data_tests["assert_tie_outs_hold_in_closed_months"]
    world = acme.build()
    assert warning["config"]["severity"].lower() == "warn"
    assert world.query(warning["compiled_code"]) == [(TIE_OUT, date(2025, 3, 1), 400_000, 100_000)]
    assert world.query(error) == []
    replaced = {TIE_OUT: warehouse.sql(TIE_OUT).replace("mrr.is_closed", "true")}
    world = acme.build(replace=replaced)
    assert world.query(warning["compiled_code"]) == []
    assert world.query(error) == [(TIE_OUT, date(2025, 3, 1), 400_000, 100_000)]


# The demo company


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo company's raw files."""
    folder = tmp_path_factory.mktemp("demo") / "raw"
    write_demo(folder, size=0.25)
    return folder


DEMO = Settings(date(2026, 10, 31))
MODELS = (TIE_OUT, "mrr_to_revenue", "invoice_line_classes")


def test_the_demo_ties_in_every_month(demo, warehouse):
    world = warehouse.build_folder(demo, DEMO, MODELS)
    assert world.query(f"select count(*) from reconciliation.{TIE_OUT} where is_breach") == [(0,)]
    assert world.query(f"""
        select count(*), max(gross_amount) < 100000 from reconciliation.{TIE_OUT}
        where is_total and class = 'unexplained'
    """) == [(36, True)]
    assert world.query("""
        select count(*), max(abs(difference_amount)) < 100, bool_or(is_breach) from reconciliation.mrr_to_revenue
        where is_total and recognised_amount is not null
    """) == [(36, True, False)]


def test_a_billing_error_planted_in_the_demo_is_found_classed_and_named(demo, warehouse, tmp_path):
    folder = tmp_path / "raw"
    shutil.copytree(demo, folder)
    file = folder / "invoice_lines.parquet"
    line, customer = duckdb.sql(f"""
        select lines.invoice_line_id, coalesce(accounts.parent_account_id, accounts.account_id)
        from '{file}' as lines
        inner join '{folder}/accounts.parquet' as accounts using (account_id)
        where
            lines.service_from = date '2026-05-01' and lines.service_to = date '2026-05-31' and lines.currency = 'JPY'
            and lines.is_recurring and not lines.is_proration and lines.status = 'paid'
        order by lines.amount_ex_tax desc, lines.invoice_line_id limit 1
    """).fetchone()
    duckdb.sql(f"""
        copy (
            select * replace (
                cast(amount_ex_tax + case when invoice_line_id = '{line}' then 123456 else 0 end as decimal(18, 4))
                as amount_ex_tax
            ) from '{file}'
        ) to '{tmp_path / "wrong.parquet"}'
    """)
    (tmp_path / "wrong.parquet").replace(file)
    world = warehouse.build_folder(folder, DEMO, MODELS)
    breaches = world.query(f"""
        select month, account_id, amount, severity from reconciliation.{TIE_OUT} where is_breach order by is_total
    """)
    named = [(date(2026, 5, 1), name, Decimal(-123_456), "warn") for name in (customer, "total")]
    assert breaches == named
    assert world.query(f"""
        select invoice_line_id from reconciliation.invoice_line_classes
        where class = 'unexplained' and month = date '2026-05-01' and account_id = '{customer}'
    """) == [(line,)]


# Recognised revenue


@pytest.mark.parametrize(
    ("booked", "difference", "is_breach"),
    [(21_000, 0, False), (20_895, 105, False), (20_894, 106, True), (None, None, False)],
)
def test_every_day_of_mrr_is_held_against_the_revenue_booked(company, booked, difference, is_breach):
    acme = company("2025-03-31")
    acme.sell("acme", 31_000, "2025-03-11")
    if booked is not None:
        row = {"period": "2025-03-01", "currency": "JPY"}
        acme.add("revenue_ledger", ledger_account="4100 subscription revenue", amount=booked, **row)
        acme.add("revenue_ledger", ledger_account="4300 services revenue", amount=999, **row)
    row = acme.build("mrr_to_revenue").row("reconciliation.mrr_to_revenue", month="2025-03", is_total=True)
    assert row.day_weighted_mrr == 21_000
    assert (row.recognised_amount, row.difference_amount, row.is_breach) == (booked, difference, is_breach)


def test_paused_days_earn_nothing_and_currencies_are_held_at_the_plan_rate(company):
    acme = company("2025-06-30")
    acme.add("exchange_rates", base_currency="USD", rate_date="2025-01-01", rate=150)
    subscription = acme.subscription("acme", "2025-05-01")
    acme.item(subscription, 300, currency="USD")
    acme.add("subscription_pauses", subscription_id=subscription, paused_from="2025-06-11", paused_to="2025-06-21")
    acme.add(
        "revenue_ledger", period="2025-06-01", currency="USD", ledger_account="4100 subscription revenue", amount=200
    )
    rows = acme.build("mrr_to_revenue").rows("reconciliation.mrr_to_revenue", month="2025-06")
    assert [(row.currency, row.day_weighted_mrr, row.recognised_amount) for row in rows] == [
        ("USD", 30_000, 30_000),
        ("total", 30_000, 30_000),
    ]


# Reported figures


def test_the_figure_last_reported_is_the_one_compared(company):
    acme = company("2026-02-28")
    acme.sell("acme", 100_000, "2025-01-01", "2026-02-01")
    acme.sell("other", 200_000, "2025-01-01")
    reported = {"period": "2026-02-01", "reported_by": "finance"}
    for key, value, at in (
        ("nrr", "0.7000", "2026-02-27"),
        ("nrr", "0.6667", "2026-02-28"),
        ("nrr", "0.1", "2026-03-01"),
        ("mrr", "199000", "2026-02-28"),
        ("gross profit", "1", "2026-02-28"),
    ):
        acme.add("reported_metrics", metric_key=key, value=value, reported_at=at, **reported)
    world = acme.build("reported_metric_differences")
    rows = {row.metric_key: row for row in world.rows("reconciliation.reported_metric_differences")}
    nrr = rows["nrr"]
    assert (nrr.reported_value, nrr.difference, nrr.report_count) == (
        Decimal("0.6667"), Decimal("-0.0000333333"), 2,
    )  # fmt: skip
    assert (nrr.is_breach, rows["mrr"].is_breach, rows["mrr"].difference) == (False, True, 1_000)
    assert (rows["gross profit"].is_published, rows["gross profit"].is_breach) == (False, False)


# Evidence


def test_nrr_can_be_followed_down_to_item_versions_and_invoice_lines(company):
    acme = company("2026-03-31")
    for day, rate in (("2025-01-01", 150), ("2026-01-01", 160)):
        acme.add("exchange_rates", base_currency="USD", rate_date=day, rate=rate)
    item = acme.sell("acme", 1_000, "2025-03-01", quantity=2, currency="USD")
    acme.change(item, "2026-03-10", quantity=3)
    line = bill(acme, item, "2026-03-01", "2026-03-31", 3_000, currency="USD")
    world = acme.build("metric_nrr", "invoice_line_classes")
    nrr = world.metric("nrr", "2026-03")
    then = world.row("reconciliation.nrr_evidence", account_id="acme", month="2025-03")
    (now,) = world.rows("reconciliation.nrr_evidence", account_id="acme", month="2026-03", is_in_force=True)
    assert (then.quantity, then.mrr, then.mrr_at_next_years_rate) == (2, 300_000, 320_000)
    assert (now.quantity, now.mrr) == (3, 480_000)
    assert (now.mrr, then.mrr_at_next_years_rate) == (nrr.numerator, nrr.denominator)
    assert then.item_version_id != now.item_version_id
    (billed,) = world.rows("reconciliation.invoice_line_classes", month="2026-03")
    assert (billed.invoice_line_id, billed.subscription_item_id) == (line, now.subscription_item_id)


def test_the_customers_that_moved_nrr_sum_to_its_change(company, warehouse):
    acme = company("2026-03-31")
    for number, price in enumerate((100, 333, 777, 51, 7)):
        item = acme.sell(f"customer-{number}", price, "2025-01-01" if number else "2025-03-01")
        acme.change(item, f"2026-03-{10 + number}", unit_amount=price * (number + 2))
    acme.sell("leaver", 991, "2025-01-01", "2026-03-01")
    world = acme.build("metric_nrr", "fct_retention_account_months")
    moved = world.query(warehouse.analyses["why_did_nrr_move"])
    assert (moved[0][0], moved[0][2]) == ("customer-2", "expanded")
    assert {row[0]: row[2] for row in moved if row[0] in ("customer-0", "leaver")} == {
        "customer-0": "entered the cohort", "leaver": "churned"
    }  # fmt: skip
    assert len(moved) == 6
    assert sum(row[-1] for row in moved) == world.value("nrr", "2026-03") - world.value("nrr", "2026-02")


# Renewals


def contract(acme: Company, account: str, amount: object, end: str, **columns: object) -> str:
    """Add a contract of the year that ends on a day."""
    start = f"{int(end[:4]) - 1}{end[4:]}"
    row = {"account_id": account, "annual_amount": amount, "start_date": start, "end_date": end}
    return acme.add("contracts", **row | columns)["contract_id"]


def test_renewal_rate_counts_a_renewal_up_to_the_old_amount(company):
    acme = company("2025-05-31")
    for account in ("grown", "shrunk", "going on", "gone"):
        acme.sell(account, 100, "2024-01-01", "2025-04-01" if account == "gone" else None)
    grown = contract(acme, "grown", 1_000, "2025-03-31", auto_renew=False)
    shrunk = contract(acme, "shrunk", 2_000, "2025-03-10", auto_renew=False)
    contract(acme, "going on", 500, "2025-03-31", auto_renew=True)
    contract(acme, "gone", 1_500, "2025-03-31", auto_renew=True)
    acme.add("contracts", account_id="grown", annual_amount=1_200, start_date="2025-04-01", end_date="2026-03-31",
             renews_contract_id=grown)  # fmt: skip
    for start, amount in (("2025-03-11", 900), ("2025-04-09", 600)):
        acme.add("contracts", account_id="shrunk", annual_amount=amount, start_date=start, end_date="2026-03-10",
                 renews_contract_id=shrunk)  # fmt: skip
    world = acme.build("metric_renewal_rate", "metric_renewal_rate_by_count")
    by_amount, by_count = world.metric("renewal_rate", "2025-03"), world.metric("renewal_rate_by_count", "2025-03")
    # 1,000 of 1,000, 1,500 of 2,000, 500 of 500, 0 of 1,500.
    assert (by_amount.numerator, by_amount.denominator, by_amount.value) == (3_000, 5_000, Decimal("0.6"))
    assert (by_count.numerator, by_count.denominator, by_count.value) == (3, 4, Decimal("0.75"))


@pytest.mark.parametrize(
    ("olds", "new", "kept"),
    [
        ((1_000, 1_000), 1_500, 1_500),  # 750 of each
        ((1_000, 1_000), 3_000, 2_000),
        ((3_000, 1_000), 2_000, 2_000),  # 1,500 and 500
        ((100, 100, 100), 200, 200),  # 67, 66, 67
        ((0, 1_000), 1_000, 1_000),
        ((0, 0), 1_000, 0),
    ],
)
def test_several_contracts_renewed_as_one_are_set_against_their_sum(company, warehouse, tmp_path, olds, new, kept):
    acme = company("2025-06-30")
    names = [acme.subscription("acme", "2024-01-01", "2025-04-01") for _ in olds]
    # The column names one of them, the pairs of subscriptions of the same names the others.
    renewal = acme.subscription("acme", "2025-04-01", replaces_subscription_id=names[0])
    acme.item(renewal, 100)
    for name, amount in zip(names, olds, strict=True):
        contract(acme, "acme", amount, "2025-03-31", contract_id=name, auto_renew=False)
        acme.add("subscription_replacements", subscription_id=renewal, replaces_subscription_id=name)
    contract(acme, "acme", new, "2026-03-31", contract_id=renewal, start_date="2025-04-01", renews_contract_id=names[0])
    acme.sell("other", 100, "2025-01-01")
    world = warehouse.build_judged(warehouse.judge(acme.tables, acme.settings, tmp_path))
    found = world.metric("renewal_rate", "2025-03")
    assert (found.numerator, found.denominator) == (kept, sum(olds))
    assert world.metric("renewal_rate_by_count", "2025-03").numerator == len(olds)
    assert not world.rows(identities.COMPARISON)


@pytest.mark.parametrize(("follows", "value"), [("2025-04-30", 1), ("2025-05-01", 0)])
def test_a_contract_is_renewed_within_30_days_of_its_end(company, follows, value):
    acme = company("2025-06-30")
    acme.sell("acme", 100, "2024-01-01", "2025-04-01")
    old = contract(acme, "acme", 1_000, "2025-03-31")
    contract(acme, "acme", 1_000, "2026-03-31", start_date=follows, renews_contract_id=old)
    assert acme.metric("renewal_rate", "2025-03").value == value


@pytest.mark.parametrize(("end", "value"), [("2025-05-01", 1), ("2025-04-30 12:00", 0)])
def test_a_contract_that_renews_itself_needs_mrr_30_days_after_its_end(company, end, value):
    acme = company("2025-06-30")
    acme.sell("acme", 100, "2024-01-01", end)
    contract(acme, "acme", 1_000, "2025-03-31", auto_renew=True)
    assert acme.metric("renewal_rate", "2025-03").value == value


def test_amounts_in_other_currencies_are_at_the_plan_rate_of_the_month_of_the_end(company):
    acme = company("2025-06-30")
    for day, rate in (("2024-01-01", 150), ("2025-04-01", 160)):
        acme.add("exchange_rates", base_currency="USD", rate_date=day, rate=rate)
    acme.sell("acme", 100, "2024-01-01")
    old = contract(acme, "acme", 1_000, "2025-03-31", currency="USD")
    contract(acme, "acme", 120_000, "2026-03-31", start_date="2025-04-01", renews_contract_id=old)
    found = acme.metric("renewal_rate", "2025-03")
    assert (found.numerator, found.denominator, found.value) == (120_000, 150_000, Decimal("0.8"))


@pytest.mark.parametrize(
    ("as_of", "reason", "size"), [("2025-04-29", "not_matured", 1), ("2025-04-30", None, 1), ("2025-05-31", None, 1)]
)
def test_a_month_is_known_once_its_contracts_had_30_days(company, as_of, reason, size):
    acme = company(as_of)
    acme.sell("acme", 100, "2024-01-01")
    contract(acme, "acme", 1_000, "2025-03-31")
    found = acme.metric("renewal_rate", "2025-03")
    assert (found.null_reason, found.sample_size) == (reason, size)
    assert (found.numerator is None) == (found.value is None) == (reason is not None)


def test_a_month_without_contracts_has_no_rate(company):
    acme = company("2025-06-30")
    acme.sell("acme", 100, "2024-01-01")
    found = acme.metric("renewal_rate", "2025-03")
    assert (found.value, found.null_reason, found.sample_size) == (None, "no_contracts", 0)


def test_the_rate_is_split_by_the_segments_of_the_month(warehouse: Warehouse, company):
    acme = company("2025-06-30")
    acme.account("acme", industry="Retail")
    acme.sell("acme", 100, "2024-01-01", product_id="core-2")
    contract(acme, "acme", 1_000, "2025-03-31")
    world = acme.build("metric_renewal_rate")
    found = {
        (row.segment_type, row.segment_value): row.metric_value
        for row in world.rows("metrics.metric_renewal_rate", month="2025-03")
    }
    assert found == {
        ("total", "total"): 1, ("plan_tier", "2"): 1, ("size_band", "S"): 1, ("industry", "Retail"): 1,
        ("country", "unknown"): 1,
    }  # fmt: skip
