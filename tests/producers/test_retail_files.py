import re
from pathlib import Path

import pytest

from arus.errors import ArusError
from arus.schemas import RETAIL_FIELDS
from producers import retail_files
from producers.retail_data import Row
from producers.retail_files import CsvFile
from tests.producers.retail_lines import HEADER, OPEN, PLAIN, TYPED


def csv_file(folder: Path, *lines: str, dates: str | None = None) -> CsvFile:
    path = folder / "retail rows.csv"
    path.write_bytes("".join(line + "\r\n" for line in lines).encode())
    return CsvFile(path, dates)


def span_warning(folder: Path, line: int, lines: int) -> str:
    place = f"{folder / 'retail rows.csv'}, line {line}"
    return f"{place}: one row spans {lines} lines: a quote is not closed?"


def test_a_row_goes_as_it_stands_but_for_its_numbers(tmp_path: Path) -> None:
    assert list(csv_file(tmp_path, HEADER, PLAIN).rows()) == [TYPED]


@pytest.mark.parametrize(
    "header",
    [
        "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country",
        "invoice_no,stock_code,description,quantity,invoice_date,unit_price,customer_id,country",
        " INVOICE NO,Stock Code, DESCRIPTION ,quantity,InvoiceDate, Price ,CUSTOMER ID,COUNTRY",
        "Invoice.No,Stock-Code,Description,Quantity,Invoice Date,Unit Price,Customer.ID,Country",
        HEADER.replace("InvoiceNo", '"Invoice\nNo"').replace("CustomerID", '"Customer\r\nID"'),
    ],
)
def test_columns_are_known_by_their_other_names(tmp_path: Path, header: str) -> None:
    assert list(csv_file(tmp_path, header, PLAIN).rows()) == [TYPED]


def test_columns_may_stand_in_another_order(tmp_path: Path) -> None:
    turned = [",".join(reversed(line.split(","))) for line in (HEADER, PLAIN)]
    assert list(csv_file(tmp_path, *turned).rows()) == [TYPED]


def test_further_columns_are_ignored_even_if_their_names_are_near(tmp_path: Path) -> None:
    file = csv_file(tmp_path, f"Index,{HEADER},Price,Total", f"7,{PLAIN},9.99,15.3")
    assert list(file.rows()) == [TYPED]
    assert file.ragged == 0


def test_a_column_that_two_names_could_be_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArusError, match=r"than one column UnitPrice \(unit_price, Price\): leave one"):
        csv_file(tmp_path, HEADER.replace("UnitPrice", "unit_price") + ",Price", PLAIN + ",9.99")


@pytest.mark.parametrize(
    ("separator", "words"),
    [
        (",", "separated by commas"),
        (";", "separated by semicolons"),
        ("\t", "separated by TABs"),
        ("|", "by pipes"),
    ],
)
def test_missing_columns_are_named(tmp_path: Path, separator: str, words: str) -> None:
    header = HEADER.replace("UnitPrice", "Cost").replace("Country", "La\x1bnd")
    seen = r"InvoiceNo, StockCode, Description, Quantity, InvoiceDate, Cost, CustomerID, La\\x1bnd"
    with pytest.raises(
        ArusError,
        match=rf"rows\.csv has no column UnitPrice, Country; its first line, .*{words}, has: {seen}",
    ):
        csv_file(tmp_path, header.replace(",", separator))


def test_a_first_line_that_nothing_separates_is_shown_in_short(tmp_path: Path) -> None:
    with pytest.raises(ArusError, match=r"line, not separated, has: (Online Retail ){14}Onli \.\.\.$"):
        csv_file(tmp_path, "Online Retail " * 10_000)


def test_a_semicolon_in_a_name_is_no_separator(tmp_path: Path) -> None:
    file = csv_file(tmp_path, f"{HEADER},a;b;c;d;e;f;g;h;i;j;k;l", f"{PLAIN},more")
    assert list(file.rows()) == [TYPED]


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;", "sep=;;;;;;;;"])
def test_a_line_that_names_the_separator_is_obeyed_and_skipped(tmp_path: Path, line: str) -> None:
    lines = [text.replace(",", ";") for text in (HEADER, PLAIN, OPEN, "swallowed")]
    file = csv_file(tmp_path, line, *lines)
    assert next(file.rows()) == TYPED
    assert file.warnings == [span_warning(tmp_path, 4, 2)]


def test_any_separator_may_be_named(tmp_path: Path) -> None:
    header, row = (text.replace(",", "^") for text in (HEADER, PLAIN))
    file = csv_file(tmp_path, "sep=^", header, row.replace("2.55", "2,55"))
    assert list(file.rows()) == [TYPED]
    assert "separated by '^'" in file.said()


def test_a_decimal_comma_is_one_only_where_commas_do_not_separate(tmp_path: Path) -> None:
    quoted = csv_file(tmp_path, HEADER, PLAIN.replace("2.55", '"2,55"'))
    assert [row["UnitPrice"] for row in quoted.rows()] == ["2,55"]
    lines = [text.replace(",", "\t") for text in (HEADER, PLAIN)]
    file = csv_file(tmp_path, *lines, lines[1].replace("2.55", "1.234,5"))
    assert [row["UnitPrice"] for row in file.rows()] == [2.55, 1234.5]


def test_a_price_that_may_be_in_thousands_ends_it(tmp_path: Path) -> None:
    header, row = (text.replace(",", ";") for text in (HEADER, PLAIN))
    comma, point = row.replace("2.55", "2,55"), row.replace("2.55", "1.234")
    with pytest.raises(ArusError, match=r"line 3: the price 1\.234 .* as line 2 has 2,55"):
        csv_file(tmp_path, header, comma, point)


def test_dates_go_in_the_order_of_the_whole_file_or_as_asked(tmp_path: Path) -> None:
    lines = [PLAIN.replace("2011-10-06 16:20:00", date) for date in ("1/2/11 8:26", "13/2/11 8:26")]
    file = csv_file(tmp_path, HEADER, *lines)
    assert [row["InvoiceDate"] for row in file.rows()] == [
        "2011-02-01 08:26:00",
        "2011-02-13 08:26:00",
    ]
    said = "rows.csv: 2 rows, separated by commas, utf-8, dates day first (line 3: 13/2/11 8:26)"
    assert file.said().endswith(said)
    asked = csv_file(tmp_path, HEADER, lines[0], dates="mdy")
    assert [row["InvoiceDate"] for row in asked.rows()] == ["1/2/11 8:26"]
    with pytest.raises(ArusError, match=r"csv, line 2: 1/2/11 8:26 may be 2 January or 1 February"):
        csv_file(tmp_path, HEADER, lines[0])


def test_quoted_commas_quotes_and_newlines_belong_to_their_field(tmp_path: Path) -> None:
    quoted = PLAIN.replace("WHITE LAMP ", '"LAMP, ""BIG""\nRED "')
    file = csv_file(tmp_path, HEADER, quoted, PLAIN)
    assert [row["Description"] for row in file.rows()] == ['LAMP, "BIG"\nRED ', "WHITE LAMP "]
    assert (file.total, file.ragged) == (2, 0)
    assert file.warnings == [span_warning(tmp_path, 2, 2)]


def test_a_quote_that_swallows_lines_is_told_with_its_line(tmp_path: Path) -> None:
    file = csv_file(tmp_path, HEADER, "", PLAIN, OPEN, PLAIN, PLAIN)
    assert file.warnings == [span_warning(tmp_path, 4, 3)]
    assert [row["Country"] for row in file.rows()] == ["United Kingdom", None]
    assert file.ragged == 1


def test_of_many_rows_that_span_lines_the_longest_are_told(tmp_path: Path) -> None:
    two, three = (PLAIN.replace("WHITE", f'"WHITE{lines}"') for lines in ("\n", "\n\n"))
    file = csv_file(tmp_path, HEADER, *[two] * 10, three)
    told = [2, 4, 6, 8, 22]
    assert [int(line.split("line ")[1].split(":")[0]) for line in file.warnings[:-1]] == told
    assert file.warnings[-1].endswith("retail rows.csv: 6 more rows span lines")


def test_a_field_without_an_end_is_said_with_its_line(tmp_path: Path) -> None:
    said = r"csv, line 3: field larger than field limit \(131072\), in one row of \d{4} lines or more:"
    with pytest.raises(ArusError, match=said):
        csv_file(tmp_path, HEADER, PLAIN, OPEN, *[PLAIN] * 3000)


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
    file = csv_file(tmp_path, "", HEADER, "", PLAIN, "")
    assert (file.total, len(list(file.rows()))) == (1, 1)


@pytest.mark.parametrize("lines", [(), ("",), ("sep=;",)])
def test_an_empty_file_is_named(tmp_path: Path, lines: tuple[str, ...]) -> None:
    with pytest.raises(ArusError, match=r"rows\.csv is empty: it needs the columns InvoiceNo, "):
        csv_file(tmp_path, *lines)


def test_a_file_without_rows_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArusError, match=r"retail rows\.csv has a header, but no rows"):
        csv_file(tmp_path, HEADER)


def test_a_file_that_takes_long_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    csv_file(tmp_path, HEADER, *[PLAIN] * 1000)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(retail_files, "PATIENCE_SECONDS", 0.0)
    csv_file(tmp_path, HEADER, *[PLAIN] * 1000)
    said = r"reading .*retail rows\.csv before it is sent: "
    assert re.fullmatch(f"{said}0 MB\n", capsys.readouterr().err)
    monkeypatch.setattr(retail_files, "AGAIN_SECONDS", 0.0)
    csv_file(tmp_path, HEADER, *[PLAIN] * 1001)
    assert re.fullmatch(f"{said}0 MB\n{said}1,000 rows\n", capsys.readouterr().err)
