"""The retail notebook: its tables' and pictures' words, and itself, run as a reader would."""

from pathlib import Path
from typing import Any

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from notebooks import style
from notebooks.retail import data, model_plots, models, moves_plots, plots, server, tables
from notebooks.shown import NO_MODEL, ONE_MODEL, Shown
from tests.notebooks import retail_sample as sample
from tests.notebooks.retail_sample import ROWS, line
from tests.notebooks.running import drawn, run


def test_tables_in_words(sales: data.Sales) -> None:
    sample.write_models(1, 2, 3, champion=3)
    trained = models.open_models()
    rows = tables.left_out(sales, trained.shown).rows
    assert [(row[0], *row[2:]) for row in rows] == [
        ("cancelled", "1 (11.1%)", "4 (4.0%)"),
        ("returned", "1 (11.1%)", "3 (3.0%)"),
        ("no price", "1 (11.1%)", "2 (2.0%)"),
        ("no product", "1 (11.1%)", "1 (1.0%)"),
        ("used", "5 (55.6%)", "90 (90.0%)"),
        ("all", "9", "100"),
    ]
    assert tables.table_shape(sales).rows[:2] == [("lines used", "5"), ("… of them without customer", "1 (20.0%)")]
    assert tables.hit_rates(trained.shown).rows == [
        ("to a customer", "ALS on baskets", "as tested", "31.0%", "12.0%", "812"),
        ("with a product", "the most popular", "as tested", "–", "–", "0"),
    ]
    shown = tables.example_customer(sales, trained.shown, models.all_entities(trained.shown))
    assert shown.rows == [("", "71053 WHITE $1 LANTERN")]


def pictures(sales: data.Sales, trained: models.Models) -> list[Figure | Shown]:
    model = trained.shown
    return [
        plots.over_time(data.over_time(sales.lines)),
        plots.by_country(data.countries(sales.lines)),
        plots.recency_frequency_money(data.customers(sales.lines)),
        model_plots.choice_of_k(model),
        model_plots.planes(model, models.all_entities(model)),
        model_plots.profiles(model),
        moves_plots.moves(trained),
        moves_plots.scores(trained),
    ]


def test_names_are_drawn_as_they_are(home: Path) -> None:
    names = ["$a_1$ b", "仓库\n", "a country of more than twenty-four letters"]
    rows = [line(str(at), "10001", 9 - at, 1.0, "2011-01-03 10:00:00", 7, name) for at, name in enumerate(names)]
    sample.write_table(home, rows)
    figure = drawn(plots.by_country(data.countries(data.open_sales().lines)))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [r"\$a_1\$ b", "□□", "a country of more than …"]


def test_pictures_say_what_was_chosen_who_is_in_it_and_what_is_gone(sales: data.Sales) -> None:
    sample.write_models(1, 2, 3, champion=3)
    figures = [drawn(figure) for figure in pictures(sales, models.open_models())]
    *_, choice, planes, profiles, moves, scores = figures
    assert {axis.get_title("right") for axis in choice.axes} == {"k = 2: 0.430"}
    dots: list[Any] = list(choice.axes[0].collections)
    places = [(to_hex(each.get_edgecolor()[0]), *each.get_offsets()[0]) for each in dots if len(each.get_edgecolor())]
    refused, chosen = model_plots.REFUSED, model_plots.CHOSEN
    assert [place for place in places if place[0] in (refused, chosen)] == [
        (chosen, 1.945, 0.43),
        (refused, 3.055, 0.6),
        (refused, 3.945, 0.4),
    ]
    assert [axis.get_title("left") for axis in planes.axes[::2]] == ["customers (3)", "products (2)", "countries (2)"]
    texts = ["0  small, dear", " 10 (25%)", "2  large quantities", " 30 (75%)"]
    assert [text.get_text() for text in planes.axes[1].texts] == texts
    rows = [label.get_text() for label in profiles.axes[0].get_yticklabels()]
    assert rows == ["frequent (10)  0", "rare, little revenue (20)  1"]
    legend = moves.axes[3].get_legend()
    assert legend
    gone = ["0 small, dear", "1 high prices (until model 2)", "2 large quantities"]
    assert [text.get_text() for text in legend.get_texts()] == gone
    told: list[Any] = list(scores.axes[0].texts)
    assert [(text.get_text(), text.xy[0]) for text in told] == [("champion now", 2)]


@pytest.mark.parametrize(
    ("value", "said"), [(0.05, "0.05"), (12, "12"), (999.6, "1k"), (2048, "2.05k"), (3.2e6, "3.2M"), (0, "0")]
)
def test_an_axis_says_numbers_briefly(value: float, said: str) -> None:
    assert style.short(value) == said


def test_one_line_and_one_model_are_enough_for_the_pictures_that_need_no_second(home: Path) -> None:
    sample.write_table(home, ROWS[:1])
    sample.write_models(1)
    *most, moves, scores = pictures(data.open_sales(), models.open_models())
    assert (moves, scores) == (ONE_MODEL, ONE_MODEL)
    for figure in most:
        drawn(figure)
    trained = models.open_models()
    assert tables.moved(trained, models.last_changes(trained)) == ONE_MODEL


@pytest.mark.parametrize("rows", [[], ROWS[5:]])
def test_without_lines_sentences_stand_for_pictures(home: Path, rows: list[sample.Row]) -> None:
    sample.write_table(home, rows)
    sales, trained = data.open_sales(), models.open_models()
    said = [str(each) for each in pictures(sales, trained)]
    assert [text.split(":")[0] for text in said] == [
        *["No sales yet"] * 2,
        "No known customers yet",
        *["No model yet"] * 3,
        *["Nothing moved yet"] * 2,
    ]
    assert list(tables.table_shape(sales).rows[:1]) == ([("lines used", "0")] if rows else [])
    assert tables.example_customer(sales, None, models.all_entities(None)) == NO_MODEL


def test_the_notebook_shows_a_home_with_rows_and_models(home: Path) -> None:
    sample.write_table(home, sample.generated(1500))
    sample.write_models(1, 2, 3, champion=3)
    printed, page, pictures, bare = run("retail")
    assert printed.startswith("1,500 rows from 2010-12-01 08:26 to 2010-12-0")
    assert "Models 1, 2, 3. Looking at model 3, the champion, trained 2026-11-21 22:03:05 UTC on version 2." in printed
    assert f"Nobody answers at {server.address()} (" in printed
    assert printed.endswith("By the centroids of model.json: cluster 1, 'high prices'.\n")
    assert bare == []
    assert pictures == 8
    assert "From model 2 to model 3" in page
    assert "<script" not in page


def test_without_rows_and_models_the_notebook_says_how_to_get_them(home: Path) -> None:
    printed, page, pictures, bare = run("retail")
    assert printed.splitlines()[:2] == [
        f"No retail rows yet in {home}/tables: say `make demo`, then run this notebook again.",
        f"No model yet in {home}/models: say `./spark-submit.sh retail_train`, then run this notebook again.",
    ]
    assert bare == []
    assert pictures == 0
    assert "Traceback" not in page
    assert list(home.iterdir()) == []
