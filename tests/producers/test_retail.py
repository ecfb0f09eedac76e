import itertools
import json
import random
import re
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path

import pytest

from arus.errors import ArusError
from arus.schemas import RETAIL_FIELDS
from producers import retail_data
from producers.retail import (
    CsvFile,
    make_record,
    parse,
    parse_date,
    random_delay,
    replay_delay,
    span,
    timed_rows,
    typed_row,
)
from producers.retail_data import Row

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
PLAIN = "536365,85123A,WHITE LAMP ,6,2011-10-06 16:20:00,2.55,17850.0,United Kingdom"
TYPED: Row = {
    "InvoiceNo": "536365",
    "StockCode": "85123A",
    "Description": "WHITE LAMP ",
    "Quantity": 6,
    "InvoiceDate": "2011-10-06 16:20:00",
    "UnitPrice": 2.55,
    "CustomerID": 17850,
    "Country": "United Kingdom",
}


def csv_file(folder: Path, *lines: str, encoding: str = "utf-8") -> CsvFile:
    path = folder / "retail rows.csv"
    path.write_bytes("".join(line + "\r\n" for line in lines).encode(encoding))
    return CsvFile(path)


def texts(**changed: str | None) -> dict[str, str | None]:
    plain: dict[str, str | None] = dict(zip(RETAIL_FIELDS, PLAIN.split(","), strict=True))
    return {**plain, **changed}


def test_a_row_goes_as_it_stands_but_for_its_numbers(tmp_path: Path) -> None:
    assert list(csv_file(tmp_path, HEADER, PLAIN).rows()) == [TYPED]


def test_the_key_is_the_invoice_and_the_value_compact_json() -> None:
    key, value = make_record({**TYPED, "Description": "CAFÉ £"})
    assert key == "536365"
    assert value.startswith(b'{"InvoiceNo":"536365","StockCode":"85123A",')
    assert json.loads(value) == {**TYPED, "Description": "CAFÉ £"}


@pytest.mark.parametrize("text", ["six", "", "6.5", "1_000", "1e3", "٣"])
def test_a_quantity_that_is_no_whole_number_stays_text(text: str) -> None:
    assert typed_row(texts(Quantity=text))["Quantity"] == text


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "2,55", "", "£2", "1_0.5"])
def test_a_price_that_is_no_plain_decimal_stays_text(text: str) -> None:
    assert typed_row(texts(UnitPrice=text))["UnitPrice"] == text


@pytest.mark.parametrize(
    ("text", "price"), [("2.55", 2.55), ("-11062.06", -11062.06), ("0", 0.0), (".5", 0.5), ("3.", 3.0)]
)
def test_a_price_becomes_a_number(text: str, price: float) -> None:
    assert typed_row(texts(UnitPrice=text))["UnitPrice"] == price


def test_a_cancelled_quantity_keeps_its_sign() -> None:
    assert typed_row(texts(Quantity="-12"))["Quantity"] == -12


@pytest.mark.parametrize(
    ("text", "customer"),
    [("17850", 17850), ("17850.0", 17850), ("", None), (" ", None), ("guest", "guest"), ("1.5", "1.5")],
)
def test_a_customer_is_a_number_or_null_or_as_written(text: str, customer: int | str | None) -> None:
    assert typed_row(texts(CustomerID=text))["CustomerID"] == customer


def test_quoted_commas_quotes_and_newlines_belong_to_their_field(tmp_path: Path) -> None:
    quoted = PLAIN.replace("WHITE LAMP ", '"LAMP, ""BIG""\nRED "')
    file = csv_file(tmp_path, HEADER, quoted, PLAIN)
    assert [row["Description"] for row in file.rows()] == ['LAMP, "BIG"\nRED ', "WHITE LAMP "]
    assert (file.total, file.ragged) == (2, 0)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "iso-8859-1"])
def test_the_encoding_is_found_out(tmp_path: Path, encoding: str) -> None:
    file = csv_file(tmp_path, HEADER, PLAIN.replace("LAMP", "LÄMP £5"), encoding=encoding)
    assert list(file.rows()) == [{**TYPED, "Description": "WHITE LÄMP £5 "}]


def test_the_encoding_is_found_out_from_the_last_byte_of_a_large_file(tmp_path: Path) -> None:
    file = csv_file(tmp_path, HEADER, *[PLAIN] * 20_000, PLAIN.replace("LAMP", "LÄMP"), encoding="iso-8859-1")
    assert [row["Description"] for row in file.rows()][-1] == "WHITE LÄMP "


def test_columns_may_stand_in_another_order(tmp_path: Path) -> None:
    turned = [",".join(reversed(line.split(","))) for line in (HEADER, PLAIN)]
    assert list(csv_file(tmp_path, *turned).rows()) == [TYPED]


def test_a_short_row_is_sent_with_nulls_and_counted(tmp_path: Path) -> None:
    file = csv_file(tmp_path, HEADER, "536365,85123A", PLAIN)
    nulls: Row = dict.fromkeys(RETAIL_FIELDS)
    assert list(file.rows()) == [{**nulls, "InvoiceNo": "536365", "StockCode": "85123A"}, TYPED]
    assert file.ragged == 1


def test_a_long_row_is_sent_with_what_it_has_too_much_and_counted(tmp_path: Path) -> None:
    file = csv_file(tmp_path, HEADER, PLAIN + ",more,yet more")
    assert list(file.rows()) == [{**TYPED, "extra": ["more", "yet more"]}]
    assert file.ragged == 1


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    file = csv_file(tmp_path, HEADER, "", PLAIN, "")
    assert (file.total, len(list(file.rows()))) == (1, 1)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArusError, match=re.escape(f"no such file: {tmp_path / 'none.csv'}")):
        CsvFile(tmp_path / "none.csv")


def test_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(ArusError, match=r"retail rows\.csv has no column UnitPrice, Country; its first line must name"):
        csv_file(tmp_path, HEADER.replace("UnitPrice", "Price").replace("Country", "Land"), PLAIN)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArusError, match=r"retail rows\.csv is empty"):
        csv_file(tmp_path)


def test_a_file_without_rows_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArusError, match=r"retail rows\.csv has a header, but no rows"):
        csv_file(tmp_path, HEADER)


def test_a_field_without_an_end_is_said_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ArusError, match=r"retail rows\.csv, line \d+: field larger than field limit"):
        csv_file(tmp_path, HEADER, PLAIN.replace("WHITE", '"WHITE').replace("LAMP", "LAMP" * 40_000))


@pytest.mark.parametrize("text", ["2011-12-01 08:26:00", "12/1/11 8:26", "12/1/2011 8:26", "12/01/2011 08:26"])
def test_every_form_of_date_is_read_month_first(text: str) -> None:
    assert parse_date(text) == datetime(2011, 12, 1, 8, 26, tzinfo=timezone.utc)


@pytest.mark.parametrize("text", ["", "13/13/11 8:26", "yesterday"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_date(text) is None


def test_a_replay_waits_by_the_dates_and_never_back() -> None:
    delay = replay_delay(speed=60.0)
    dates = ["12/1/10 8:26", "12/1/10 8:27", "2010-12-01 08:00:00", "no date", "12/1/10 8:29"]
    assert [delay({"InvoiceDate": date}) for date in dates] == [0.0, 1.0, 0.0, 0.0, 2.0]


def test_a_looped_replay_waits_again_in_every_round() -> None:
    rows: list[Row] = [{"InvoiceDate": "12/1/10 8:26"}, {"InvoiceDate": "12/1/10 8:27"}]
    looped = timed_rows(lambda: iter(rows), lambda: replay_delay(60.0), loop=True)
    assert [seconds for seconds, _ in itertools.islice(looped, 5)] == [0.0, 1.0, 0.0, 1.0, 0.0]


def test_random_delays_stay_in_their_span_and_follow_the_seed() -> None:
    first, second = (random_delay((0.5, 2.0), random.Random(4)) for _ in range(2))
    delays = [first({}) for _ in range(1000)]
    assert delays == [second({}) for _ in range(1000)]
    assert 0.5 <= min(delays) < 0.6
    assert 1.9 < max(delays) <= 2.0


@pytest.mark.parametrize(("text", "bounds"), [("0.1..1.0", (0.1, 1.0)), ("0", (0.0, 0.0)), ("2", (2.0, 2.0))])
def test_a_delay_is_a_span_or_a_number(text: str, bounds: tuple[float, float]) -> None:
    assert span(text) == bounds


def test_delay_and_speed_exclude_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--delay", "1", "--speed", "5"])
    assert "not allowed with argument --delay" in capsys.readouterr().err


@pytest.fixture(scope="module")
def invented() -> list[Row]:
    return list(itertools.islice(retail_data.rows(1), 60_000))


def share(rows: list[bool]) -> float:
    return sum(rows) / len(rows)


def test_the_same_seed_gives_the_same_rows(invented: list[Row]) -> None:
    assert list(itertools.islice(retail_data.rows(1), 5000)) == invented[:5000]
    assert list(itertools.islice(retail_data.rows(2), 5000)) != invented[:5000]


def test_invented_rows_have_the_columns_of_the_topic(invented: list[Row]) -> None:
    assert {tuple(row) for row in invented} == {RETAIL_FIELDS}


def test_the_quirks_of_the_export_come_in_their_shares(invented: list[Row]) -> None:
    assert 0.01 < share([str(row["InvoiceNo"]).startswith("C") for row in invented]) < 0.025
    assert 0.22 < share([row["CustomerID"] is None for row in invented]) < 0.28
    assert 0.03 < share([isinstance(row["CustomerID"], float) for row in invented]) < 0.12
    assert 0.0005 < share([row["UnitPrice"] == 0.0 for row in invented]) < 0.003
    assert 0.8 < share([row["Country"] == "United Kingdom" for row in invented]) < 0.95


def test_the_shop_has_its_customers_products_countries_and_charges(invented: list[Row]) -> None:
    codes = {str(row["StockCode"]) for row in invented}
    assert len({row["CustomerID"] for row in invented}) > 1_500
    assert len({row["Country"] for row in invented}) > 20
    assert {"POST", "BANK CHARGES", "M", "D"} <= codes
    assert 2_500 < len([code for code in codes if re.fullmatch(r"[0-9]{5}[A-Z]?", code)]) <= 3_500
    assert len(set(retail_data.COUNTRIES)) == 38


def test_a_cancellation_takes_something_back(invented: list[Row]) -> None:
    cancelled = [row for row in invented if str(row["InvoiceNo"]).startswith("C")]
    assert all(int(str(row["Quantity"])) < 0 for row in cancelled)


def test_the_lines_of_an_invoice_share_date_customer_and_country(invented: list[Row]) -> None:
    invoices = defaultdict(set)
    for row in invented:
        invoices[row["InvoiceNo"]].add((row["InvoiceDate"], row["CustomerID"], row["Country"]))
    assert {len(shared) for shared in invoices.values()} == {1}
    assert 5 < len(invented) / len(invoices) < 20


def test_dates_are_written_as_in_the_export_and_never_go_back(invented: list[Row]) -> None:
    dates = [str(row["InvoiceDate"]) for row in invented]
    assert dates == sorted(dates)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:00", date) for date in dates)
