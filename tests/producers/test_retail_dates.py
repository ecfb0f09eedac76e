import re

import pytest

from arus.errors import ArusError
from producers.retail_dates import DateOrder


def decided(*dates: str, asked: str | None = None) -> DateOrder:
    order = DateOrder(asked)
    for line, date in enumerate(dates, 2):
        order.see(date, line)
    order.decide("f.csv")
    return order


def sent(*dates: str, asked: str | None = None) -> list[str]:
    order = decided(*dates, asked=asked)
    return [order.as_sent(date) for date in dates]


@pytest.mark.parametrize("mark", ["/", "-", "."])
@pytest.mark.parametrize(
    ("clock", "iso"),
    [
        (" 8:26", "08:26:00"),
        (" 08:26:07", "08:26:07"),
        ("", "00:00:00"),
        (" 8:26 am", "08:26:00"),
        (" 2:26:07 PM", "14:26:07"),
        (" 2:26pm", "14:26:00"),
        (", 12:05:00\u202fAM", "00:05:00"),
    ],
)
def test_a_day_above_12_in_first_place_makes_it_day_first(mark: str, clock: str, iso: str) -> None:
    dates = [
        f"01{mark}12{mark}2010{clock}",
        f"1{mark}2{mark}10{clock}",
        f"13{mark}12{mark}2010{clock}",
    ]
    assert sent(*dates) == [f"2010-12-01 {iso}", f"2010-02-01 {iso}", f"2010-12-13 {iso}"]


def test_a_day_above_12_in_second_place_makes_it_month_first() -> None:
    dates = [
        "12/1/10 8:26",
        "12-1-2010 8:26",
        "12/13/2010 2:26:00 PM",
        "1/2/2010",
        "1/2/10, 2:26 PM",
    ]
    as_sent = [
        "12/1/10 8:26",
        "2010-12-01 08:26:00",
        "12/13/2010 2:26:00 PM",
        "1/2/2010",
        "1/2/10 2:26 PM",
    ]
    assert sent(*dates) == as_sent
    assert sent("12.1.2010", "12.13.2010") == ["2010-12-01 00:00:00", "2010-12-13 00:00:00"]


def test_both_orders_in_one_file_are_named_with_both_lines() -> None:
    both = "f.csv: line 3 has 13/12/2010, day first, and line 2 12-13-10, month first: its dates"
    with pytest.raises(ArusError, match=re.escape(both)):
        decided("12-13-10", "13/12/2010", "14/12/2010")


@pytest.mark.parametrize("date", ["12/1/10 8:26", "12-1-2010", "12/1/2010 8:26:00 AM"])
def test_where_nothing_decides_the_user_is_asked(date: str) -> None:
    question = f"f.csv, line 3: {date} may be 12 January or 1 December, and no date in the file"
    with pytest.raises(ArusError, match=re.escape(question)):
        decided("2010-12-13", date, "13.12.2010", "1/2/10")


def test_the_users_word_decides() -> None:
    assert sent("12/1/10 8:26", "01.12.2010", asked="mdy") == [
        "12/1/10 8:26",
        "2010-01-12 00:00:00",
    ]
    assert sent("12/1/10 8:26", "01.12.2010", asked="dmy") == [
        "2010-01-12 08:26:00",
        "2010-12-01 00:00:00",
    ]


@pytest.mark.parametrize(
    ("date", "asked", "named"),
    [
        ("13/12/2010", "mdy", "line 3: 13/12/2010 is day first, but --dates mdy says month first"),
        ("12/13/2010", "dmy", "line 3: 12/13/2010 is month first, but --dates dmy says day first"),
        ("13.12.2010", "mdy", "line 3: 13.12.2010 is day first, but --dates mdy says month first"),
    ],
)
def test_a_date_that_contradicts_the_user_is_named(date: str, asked: str, named: str) -> None:
    with pytest.raises(ArusError, match=re.escape(named)):
        decided("1/2/2010", date, asked=asked)


def test_dates_with_dots_have_the_day_first_by_convention() -> None:
    assert sent("01.12.2010 8:26", "01.02.10") == ["2010-12-01 08:26:00", "2010-02-01 00:00:00"]


def test_dates_with_dots_say_nothing_about_others() -> None:
    assert sent("13.12.2010", "12/13/2010", "12/1/10") == [
        "2010-12-13 00:00:00",
        "12/13/2010",
        "12/1/10",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "2010-12-01T08:26:00.000Z",
        "2010/12/01 08:26",
        "2010.12.01",
        "1291191960",
        "40513.35139",
        "",
        " ",
        "yesterday",
        "13/13/2010",
        "30/2/2010",
        "1/2/2010 25:00",
        "1/2/2010 13:00 PM",
        "1/2-2010",
        "1/2/010",
        "١/٢/٢٠١٠",
        "1/2/2010" + "0" * 40,
    ],
)
def test_other_text_goes_as_it_stands_and_asks_nothing(text: str) -> None:
    assert sent(text) == [text]


def test_blanks_behind_a_date_do_not_hide_it() -> None:
    with pytest.raises(ArusError, match="give --dates"):
        sent("1/2/2010" + " " * 40)


def test_a_day_that_is_its_month_asks_nothing() -> None:
    assert sent("12/12/2010 8:26", "11-11-10") == ["12/12/2010 8:26", "2010-11-11 00:00:00"]


def test_what_was_decided_is_said_with_the_line_that_decides() -> None:
    assert decided("2010-12-01").said() == ""
    assert decided("1/2/10", "13/2/10").said() == "dates day first (line 3: 13/2/10)"
    assert decided("1/2/10", asked="mdy").said() == "dates month first (--dates)"
    assert decided("2/13/10", "1.2.10").said() == (
        "dates month first (line 2: 2/13/10), dates day first (as dots have it)"
    )
