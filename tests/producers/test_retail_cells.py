import pytest

from arus.errors import ArusError
from arus.schemas import RETAIL_FIELDS
from producers.retail_cells import DecimalMarks, Texts, typed_row, with_points

PLAIN = "536365,85123A,WHITE LAMP ,6,2011-10-06 16:20:00,2.55,17850.0,United Kingdom"


def texts(**changed: str | None) -> Texts:
    plain: Texts = dict(zip(RETAIL_FIELDS, PLAIN.split(","), strict=True))
    return {**plain, **changed}


@pytest.mark.parametrize("text", ["six", "", "6.5", "1_000", "1e3", "٣"])
def test_a_quantity_that_is_no_whole_number_stays_text(text: str) -> None:
    assert typed_row(texts(Quantity=text))["Quantity"] == text


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "2,55", "", "£2", "1_0.5"])
def test_a_price_that_is_no_plain_decimal_stays_text(text: str) -> None:
    assert typed_row(texts(UnitPrice=text))["UnitPrice"] == text


@pytest.mark.parametrize(
    ("text", "price"),
    [("2.55", 2.55), ("-11062.06", -11062.06), ("0", 0.0), (".5", 0.5), ("3.", 3.0)],
)
def test_a_price_becomes_a_number(text: str, price: float) -> None:
    assert typed_row(texts(UnitPrice=text))["UnitPrice"] == price


def test_a_cancelled_quantity_keeps_its_sign() -> None:
    assert typed_row(texts(Quantity="-12"))["Quantity"] == -12


@pytest.mark.parametrize(
    ("text", "customer"),
    [("17850", 17850), ("17850.0", 17850), ("", None), ("guest", "guest"), ("1.5", "1.5")],
)
def test_a_customer_is_a_number_or_null_or_text(text: str, customer: int | str | None) -> None:
    assert typed_row(texts(CustomerID=text))["CustomerID"] == customer


@pytest.mark.parametrize(
    ("text", "invoice"),
    [("536365.0", "536365"), (" 536365.00 ", "536365"), ("C536365.0", "C536365.0"), ("1.5", "1.5")],
)
def test_an_invoice_that_was_a_float_is_a_whole_number(text: str, invoice: str) -> None:
    assert typed_row(texts(InvoiceNo=text))["InvoiceNo"] == invoice


@pytest.mark.parametrize(
    "text",
    ["", " \t", "NaN", "nan", "NULL", "N/A", "#N/A", "None", "<NA>", " null "],
)
def test_what_stands_for_nothing_is_null_in_optional_cells_and_stays_in_others(text: str) -> None:
    row = typed_row(texts(**dict.fromkeys(RETAIL_FIELDS, text)))
    nulls = {"Description", "CustomerID", "Country"}
    assert row == {name: None if name in nulls else text for name in RETAIL_FIELDS}


@pytest.mark.parametrize("text", ["NONE OF THESE", "NA", "-", "0", "WHITE LAMP "])
def test_a_description_that_says_something_stays_as_it_is(text: str) -> None:
    assert typed_row(texts(Description=text))["Description"] == text


@pytest.mark.parametrize(
    ("name", "text", "as_point"),
    [
        ("UnitPrice", "2,55", "2.55"),
        ("UnitPrice", "-1.234.567,5", "-1234567.5"),
        ("UnitPrice", ",5", ".5"),
        ("UnitPrice", "2.55", "2.55"),
        ("UnitPrice", "1,234.56", "1,234.56"),
        ("UnitPrice", "12.34,5", "12.34,5"),
        ("InvoiceDate", "40513,35139", "40513.35139"),
        ("InvoiceNo", "536365,0", "536365"),
        ("Quantity", "-6,0", "-6"),
        ("Quantity", "1,000", "1,000"),
        ("CustomerID", "17850,0", "17850"),
        ("CustomerID", "17,850", "17,850"),
        ("Description", "2,5", "2,5"),
    ],
)
def test_a_decimal_comma_becomes_a_point_in_numbers(name: str, text: str, as_point: str) -> None:
    assert with_points(texts(**{name: text})) == texts(**{name: as_point})


def marks(*prices: str) -> DecimalMarks:
    seen = DecimalMarks()
    for line, price in enumerate(prices, 2):
        seen.see(price, line)
    return seen


@pytest.mark.parametrize(
    "prices",
    [("2,55", "1.234"), ("2.5", "2,55", "1.234"), ("1.234", "1.234,50"), ("1,234", "1,234.50")],
)
def test_a_price_that_may_be_in_thousands_is_named(prices: tuple[str, ...]) -> None:
    named = r"f\.csv, line \d: the price 1[.,]234 may be in thousands, as line \d has [^ ]+:"
    with pytest.raises(ArusError, match=named):
        marks(*prices).check("f.csv")


@pytest.mark.parametrize(
    "prices",
    [
        ("2,55", "1,234"),
        ("2.55", "1.234"),
        ("2,55", "0.001"),
        ("2,55", "2.55"),
        ("1.234",),
        ("free", ""),
    ],
)
def test_prices_that_cannot_be_in_thousands_are_fine(prices: tuple[str, ...]) -> None:
    marks(*prices).check("f.csv")
