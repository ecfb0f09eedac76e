"""The same rows in every dialect of CSV give the same messages; near misses say what they are."""

import codecs
import csv
import gzip
import io
import itertools
import random
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from arus.errors import ArusError
from arus.schemas import RETAIL_FIELDS
from producers.retail_data import Row
from producers.retail_files import CsvFile

Line = tuple[str, str, str | None, int, datetime, float, int | None, str | None]


def at(day: int, hour: int) -> datetime:
    return datetime(2010, 12, day, hour, 26, tzinfo=timezone.utc)


# The third price has a point beside its decimal comma; the second day decides the order of dates.
LINES: tuple[Line, ...] = (
    ("536365", "85123A", 'LAMP, "BIG"; RED | É £5 ', 6, at(1, 8), 2.55, 17850, "United Kingdom"),
    ("C536379", "D", None, -1, at(13, 14), 27.5, None, "EIRE"),
    ("536390", "22", "ONE, TWO; THREE|\tFOUR\nLINES", 2, at(2, 12), 1234.5, 12431, None),
)
ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "UTF-8": str.encode,
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16 with a mark": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "UTF-16, turned, with a mark": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-16": lambda text: text.encode("utf-16-le"),
    "UTF-16, turned": lambda text: text.encode("utf-16-be"),
    "ISO-8859-1": lambda text: text.encode("iso-8859-1"),
    "Windows-1252": lambda text: text.replace("£", "€").encode("cp1252"),
}
HEADERS = (
    RETAIL_FIELDS,
    (
        "Invoice",
        "StockCode",
        "Description",
        "Quantity",
        "InvoiceDate",
        "Price",
        "Customer ID",
        "Country",
    ),
    (
        "invoice_no",
        "stock_code",
        "description",
        "quantity",
        "invoice_date",
        "unit_price",
        "customer_id",
        "country",
    ),
    (
        "INVOICE NO",
        "STOCK CODE",
        " Description ",
        "QUANTITY",
        "INVOICE DATE",
        " Price ",
        "CUSTOMER ID",
        "COUNTRY",
    ),
)
PRICES: dict[str, Callable[[float], str]] = {
    "point": "{:.2f}".format,
    "comma": lambda price: f"{price:.2f}".replace(".", ","),
    "groups and comma": lambda price: f"{price:,.2f}".translate({ord(","): ".", ord("."): ","}),
}
# How a date is written -> whether it goes as it stands.
DATES = {
    "{0:%Y-%m-%d %H:%M:%S}": True,
    "{0:%Y-%m-%dT%H:%M:%S.000Z}": True,
    "{0:%Y/%m/%d %H:%M}": True,
    "{0.month}/{0.day}/{0:%y} {0.hour}:{0:%M}": True,
    "{0:%m/%d/%Y %I:%M:%S %p}": True,
    "{0:%d/%m/%Y %H:%M}": False,
    "{0.day}/{0.month}/{0:%y} {0:%I:%M %p}": False,
    "{0:%m-%d-%Y %H:%M}": False,
    "{0:%d-%m-%Y %H:%M}": False,
    "{0:%d.%m.%Y} {0.hour}:{0:%M}": False,
}
KINDS: Mapping[str, tuple[Any, ...]] = {
    "separator": (",", ";", "\t", "|"),
    "price": tuple(PRICES),
    "encoding": tuple(ENCODINGS),
    "header": HEADERS,
    "date": tuple(DATES),
    "line_end": ("\n", "\r\n", "\r"),
    "quoting": (csv.QUOTE_MINIMAL, csv.QUOTE_ALL),
    "names_separator": (False, True),
    "missing": ("", " ", "NaN", "nan", "NULL", "N/A", "None"),
    "float_numbers": ("", ".0", ",0"),
    "is_gz": (False, True),
}


def is_possible(dialect: Mapping[str, Any]) -> bool:
    has_commas = dialect["price"] != "point" or dialect["float_numbers"] == ",0"
    return dialect["separator"] != "," or not has_commas


def dialects() -> Iterator[dict[str, Any]]:
    """Yield a dialect for each two forms of different kinds, all else at random."""
    rng = random.Random(15)
    for (first, its_forms), (second, other_forms) in itertools.combinations(KINDS.items(), 2):
        for form, other in itertools.product(its_forms, other_forms):
            tries = (
                {name: rng.choice(forms) for name, forms in KINDS.items()} | {first: form, second: other}
                for _ in range(20)
            )
            yield from itertools.islice(filter(is_possible, tries), 1)


def write(path: Path, dialect: Mapping[str, Any]) -> None:
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=dialect["separator"],
        quoting=dialect["quoting"],
        lineterminator=dialect["line_end"],
    )
    if dialect["names_separator"]:
        text.write(f"sep={dialect['separator']}{dialect['line_end']}")
    writer.writerow(dialect["header"])
    missing, point_zero = dialect["missing"], dialect["float_numbers"]
    for invoice, stock, description, quantity, date, price, customer, country in LINES:
        writer.writerow(
            [
                invoice if invoice.startswith("C") else invoice + point_zero,
                stock,
                missing if description is None else description,
                quantity,
                dialect["date"].format(date),
                PRICES[dialect["price"]](price),
                missing if customer is None else f"{customer}{point_zero}",
                missing if country is None else country,
            ]
        )
    data = ENCODINGS[dialect["encoding"]](text.getvalue())
    path.write_bytes(gzip.compress(data, 1) if dialect["is_gz"] else data)


def expected(dialect: Mapping[str, Any]) -> list[Row]:
    is_windows = dialect["encoding"] == "Windows-1252"
    form = dialect["date"] if DATES[dialect["date"]] else "{0:%Y-%m-%d %H:%M:%S}"
    rows: list[Row] = []
    for line in LINES:
        values = [*line[:4], form.format(line[4]), *line[5:]]
        row: Row = dict(zip(RETAIL_FIELDS, values, strict=True))
        if is_windows and line[2]:
            row["Description"] = line[2].replace("£", "€")
        rows.append(row)
    return rows


def test_the_same_rows_in_every_dialect_give_the_same_messages(tmp_path: Path) -> None:
    tried = list(dialects())
    assert len(tried) > 700
    for dialect in tried:
        path = tmp_path / "rows.csv"
        write(path, dialect)
        file = CsvFile(path)
        assert list(file.rows()) == expected(dialect), dialect
        assert (file.total, file.ragged) == (len(LINES), 0)
        line = 5 if dialect["names_separator"] else 4
        assert len(file.warnings) == 1
        assert f"rows.csv, line {line}: one row spans 2 lines: " in file.warnings[0]


PLAIN = {name: forms[0] for name, forms in KINDS.items()}


def written(path: Path, **changed: Any) -> bytes:
    write(path, PLAIN | changed)
    return path.read_bytes()


def spreadsheet(_: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return data.getvalue()


NEAR_MISSES: dict[str, tuple[Callable[[bytes], bytes], dict[str, Any], str]] = {
    "mixed orders": (
        lambda data: data.replace(b"12/2/10", b"13/2/10"),
        {"date": "{0.month}/{0.day}/{0:%y} {0.hour}:{0:%M}"},
        "line 4 has 13/2/10 12:26, day first, and line 3 12/13/10 14:26, month first",
    ),
    "no order": (
        lambda data: data.replace(b"13/12", b"11/12"),
        {"date": "{0:%d/%m/%Y %H:%M}"},
        "line 2: 01/12/2010 08:26 may be 12 January or 1 December, and no date in the file decides",
    ),
    "a spreadsheet": (spreadsheet, {}, "rows.csv is a spreadsheet: save it as CSV"),
    "a missing column": (
        lambda data: data.replace(b"Price", b"Cost"),
        {"header": HEADERS[1], "separator": ";"},
        "has no column UnitPrice; its first line, separated by semicolons, has: Invoice, ",
    ),
    "a wrong sep=": (
        lambda data: b"sep=,\n" + data,
        {"separator": ";"},
        "has no column InvoiceNo, StockCode, ",
    ),
    "an open quote": (
        lambda data: data + b'1,2,"OPEN,' + b"x\n" * 70_000,
        {},
        "line 6: field larger than field limit (131072), in one row of",
    ),
    "half a gz": (lambda data: data[:-9], {"is_gz": True}, "rows.csv is a gz file without its end"),
    "half a character": (lambda data: data[:-1], {"encoding": "UTF-16"}, "begins as utf-16"),
    "no rows": (lambda data: data.splitlines()[0], {}, "has a header, but no rows"),
}


@pytest.mark.parametrize("near", NEAR_MISSES)
def test_a_near_miss_says_in_one_line_why_it_is_none(tmp_path: Path, near: str) -> None:
    change, dialect, said = NEAR_MISSES[near]
    path = tmp_path / "rows.csv"
    path.write_bytes(change(written(path, **dialect)))
    with pytest.raises(ArusError) as error:
        CsvFile(path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
