import itertools
import json
import random
import re
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path

import pytest

from arus.schemas import RETAIL_FIELDS
from producers import retail, retail_data
from producers.retail import make_record, parse, parse_date, random_delay, replay_delay, span, timed_rows
from producers.retail_data import Row
from tests.producers.retail_lines import TYPED


def test_the_key_is_the_invoice_and_the_value_compact_json() -> None:
    key, value = make_record({**TYPED, "Description": "CAFÉ £"})
    assert key == "536365"
    assert value.startswith(b'{"InvoiceNo":"536365","StockCode":"85123A",')
    assert json.loads(value) == {**TYPED, "Description": "CAFÉ £"}


@pytest.mark.parametrize(
    "text",
    ["2011-12-01 08:26:00", "2011-12-01T10:26+02:00", "12/1/11 8:26", "12/1/2011 8:26", "12/01/2011 08:26"],
)
def test_a_date_is_read_as_the_job_reads_it(text: str) -> None:
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


def test_dates_need_a_file_and_one_of_two_orders(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse(["--csv", "FILE", "--dates", "dmy"]).dates == "dmy"
    for options, said in (
        (["--dates", "dmy"], "--dates is about a --csv file"),
        (["--csv", "FILE", "--dates", "ymd"], "invalid choice: 'ymd'"),
    ):
        with pytest.raises(SystemExit):
            parse(options)
        assert said in capsys.readouterr().err


def test_what_was_found_out_about_a_file_is_said_before_its_rows_are_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f'{";".join(RETAIL_FIELDS)}\n1;2;;3;1/2/10 8:26;1;;\n4;5;"OPEN;6;1/2/10\n8;9;;1;1/2/10;1;;\n')
    sent: list[Row] = []
    monkeypatch.setattr(retail, "send_rows", lambda _options, file: sent.extend(file.rows()))
    retail.main(["--csv", str(path), "--dates", "dmy"])
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f"{path}: 2 rows, separated by semicolons, utf-8, dates day first (--dates)",
        "1 row with too few or too many fields, sent as it is",
    ]
    assert said.err == f"retail: {path}, line 3: one row spans 2 lines: a quote is not closed?\n"
    assert [row["InvoiceDate"] for row in sent] == ["2010-02-01 08:26:00", None]


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
