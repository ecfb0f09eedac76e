"""The plain rules for one value: names, texts and numbers."""

import math
from typing import Any

import pytest

from arus.base.values import LARGEST_INT, identifier, is_missing, number, text, whole_number


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("S1", "S1"),
        (" S 1\n", "S 1"),
        (12, "12"),
        (12.5, "12.5"),
        (True, "true"),
        ("\x00", "\x00"),
        ("\ud800", "?"),
        (536365.0, "536365"),
        ("536365.0", "536365"),
        ("-7.00", "-7"),
        ("1.0.0", "1.0.0"),
        ("85123A.0", "85123A.0"),
        (12345678.0, "12345678"),
        (1e15, "1000000000000000"),
        ("1.25E10", "12500000000"),
        ("12e3", "12e3"),
        ("1.23E1", "1.23E1"),
        ("1.23456785E7", "1.23456785E7"),
    ],
)
def test_an_identifier_is_text_without_the_blanks_around_it(value: Any, expected: str) -> None:
    assert identifier(value) == expected


@pytest.mark.parametrize("value", ["", " \t\r\n", {}, {"a": 1}, [], ["S1"], "{", "[S1", math.nan, -math.inf, '"NaN"'])
def test_nothing_and_what_is_made_of_parts_identify_nothing(value: Any) -> None:
    with pytest.raises(ValueError, match="an object, an array or nothing"):
        identifier(value)


def test_what_is_nested_too_deeply_is_no_text() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="too many levels"):
        text(value)


def test_text_is_kept_as_it_is() -> None:
    assert [text(value) for value in (" a ", "", 6, {"a": [1]})] == [" a ", "", "6", '{"a": [1]}']


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (70.5, 70.5), (70, 70.0), (-0.0, 0.0), ("70.5", 70.5), (" +7.05e1 ", 70.5), (".5", 0.5), ("5.", 5.0),
        (10**400, math.inf), ("1e400", math.inf), ("Infinity", math.inf), ("-inf", -math.inf),
    ],
)  # fmt: skip
def test_a_number_may_come_as_text(value: Any, expected: float) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    "value", [True, False, "", " ", "panas", "70,5", "1_000", "0x1A", "1d", "7 0", "--7", [70.5], {"a": 1}, "e5", "."]
)
def test_what_is_no_number_is_none(value: Any) -> None:
    with pytest.raises(ValueError, match="no number"):
        number(value)


def test_a_long_text_of_digits_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="no number"):
        number("1" * 1_000_000 + "x")


@pytest.mark.parametrize("value", [6, 6.0, "6", "6.0", " 6 "])
def test_a_whole_number_may_be_written_with_a_point(value: Any) -> None:
    assert (whole_number(value), type(whole_number(value))) == (6, int)


@pytest.mark.parametrize("value", [6.5, "6.5", LARGEST_INT + 1, -LARGEST_INT - 2, True, "six", math.inf, math.nan, ""])
def test_what_has_a_fraction_or_more_than_32_bits_is_no_whole_number(value: Any) -> None:
    with pytest.raises(ValueError, match="number"):
        whole_number(value)


@pytest.mark.parametrize(
    "value", [None, math.nan, "", " \t", "NaN", "nan", "NULL", "null", "N/A", "None", " none\n", "<NA>", "NaT"]
)
def test_what_stands_for_a_missing_value(value: Any) -> None:
    assert is_missing(value)


@pytest.mark.parametrize("value", [0, 0.0, False, "NA", "nil", "-", "0", "Nancy", math.inf, [], {}])
def test_anything_else_is_a_value(value: Any) -> None:
    assert not is_missing(value)
