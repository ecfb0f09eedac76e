"""The pictures of `retail.ipynb` that show the sales and the customers, before any model."""

from datetime import timezone
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from notebooks.retail.data import (
    Country,
    Customers,
    Floats,
    Moments,
    OverTime,
    concentration,
    doublings,
)
from notebooks.shown import NO_SALES, Shown
from notebooks.style import INK, MAIN, QUIET, SECOND, WIDTH_INCHES, bare, logarithmic, plain, short

# Of the customers, those with the most revenue: how much of it they bring is written into the picture.
TOP_SHARE = 0.2


def over_time(sales: OverTime | None) -> Figure | Shown:
    """Draw revenue and invoices by steps of time, the biggest country apart from all others."""
    if sales is None:
        return NO_SALES
    figure = Figure(figsize=(WIDTH_INCHES, 5.0), layout="constrained")
    revenue, invoices = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    _bars(revenue, sales.edges, sales.revenue[0], MAIN)
    _bars(revenue, sales.edges, sales.revenue[1], SECOND, sales.revenue[0])
    _bars(invoices, sales.edges, sales.invoices, QUIET)
    revenue.set_ylabel("revenue")
    invoices.set_ylabel("invoices")
    for axis in (revenue, invoices):
        axis.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10], integer=axis is invoices))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
        bare(axis, "left", "bottom")
    figure.align_ylabels()
    _clock(invoices, sales.edges)
    keys = [Patch(color=MAIN, label=plain(sales.biggest)), Patch(color=SECOND, label="all other countries")]
    revenue.legend(handles=keys, frameon=False, loc="upper left", ncols=2, bbox_to_anchor=(0, 1.12))
    figure.suptitle(f"Revenue and invoices by {sales.unit}")
    return figure


def by_country(countries: list[Country], most: int = 12) -> Figure | Shown:
    """Draw the revenue of the countries with the most, on a logarithmic axis, with their share of all revenue."""
    chosen = countries[:most]
    if not chosen:
        return NO_SALES
    whole = sum(country.revenue for country in countries)
    figure = Figure(figsize=(WIDTH_INCHES, 1.4 + 0.34 * len(chosen)), layout="constrained")
    axis = figure.subplots()
    revenue = [country.revenue for country in chosen]
    low, high = min(revenue) / 2, max(revenue) * 1.6
    axis.hlines(range(len(chosen)), low, revenue, color=QUIET, linewidth=1.2)
    axis.scatter(revenue, range(len(chosen)), s=60, color=MAIN, zorder=3)
    axis.set_xlim(low, high)
    logarithmic(axis, "x")
    beside = axis.secondary_yaxis("right")
    beside.set_yticks(range(len(chosen)), [_country_in_figures(country, whole) for country in chosen])
    beside.spines["right"].set_visible(False)
    beside.tick_params(length=0)
    axis.set_yticks(range(len(chosen)), [plain(country.name) for country in chosen])
    axis.tick_params(axis="y", length=0)
    axis.invert_yaxis()
    axis.set_xlabel("revenue (logarithmic)")
    bare(axis, "bottom")
    figure.suptitle(_which(len(chosen), len(countries)))
    return figure


def _country_in_figures(country: Country, whole: float) -> str:
    customers = (
        f"{country.customers:,} customer{'' if country.customers == 1 else 's'}" if country.customers else "none known"
    )
    return f"{short(country.revenue)}, {country.revenue / whole:.1%}, {customers}"


def _which(shown: int, number: int) -> str:
    if shown < number:
        return f"The {shown} of {number} countries with the most revenue"
    return f"Revenue of all {number} countries" if number > 1 else "Revenue of the one country"


def recency_frequency_money(customers: Customers | None) -> Figure | Shown:
    """Draw how recent, frequent and valuable the customers are, and how few of them bring how much of the revenue."""
    if customers is None:
        return Shown("No known customers yet: `make demo` brings some.")
    figure = Figure(figsize=(WIDTH_INCHES, 6.4), layout="constrained")
    axes = figure.subplots(2, 2)
    _histogram(axes[0, 0], customers.recency_days, "recency: days since the last invoice")
    _histogram(axes[0, 1], customers.invoices, "frequency: invoices")
    _histogram(axes[1, 0], customers.revenue, "money: revenue")
    _concentration(axes[1, 1], customers.revenue)
    number = len(customers.revenue)
    figure.suptitle(f"Recency, frequency and money of {number:,} customer{'' if number == 1 else 's'}")
    return figure


def _histogram(axis: Axes, values: Floats, title: str) -> None:
    """Draw a histogram whose steps double, so the axis is logarithmic and yet has a place for 0."""
    edges, counts = doublings(values)
    axis.bar(np.arange(len(counts)), counts, width=0.94, align="edge", color=MAIN)
    every = 1 + len(edges) // 11
    axis.set_xticks(np.arange(len(edges))[::every], [f"{edge:,.0f}" for edge in edges[::every]])
    median = float(np.median(values))
    place = float(np.interp(median, edges, np.arange(len(edges))))
    axis.axvline(place, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
    is_left = place > len(counts) / 2
    axis.annotate(
        f"median {short(median)}",
        (place, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(-5 if is_left else 5, -2),
        textcoords="offset points",
        ha="right" if is_left else "left",
        va="top",
        fontsize="small",
    )
    axis.set_ylim(0, counts.max() * 1.22)
    axis.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10], integer=True))
    axis.set_ylabel("customers")
    axis.set_xlabel(title)
    bare(axis, "left", "bottom")


def _concentration(axis: Axes, revenue: Floats) -> None:
    """Draw the Lorenz curve of the revenue, the customers with the most first."""
    share, of_revenue = concentration(revenue)
    axis.plot(share, of_revenue, color=MAIN, linewidth=2)
    axis.plot([0, 1], [0, 1], color=QUIET, linewidth=1)
    axis.annotate("if all were alike", (0.6, 0.57), color="#777777", fontsize="small", va="top")
    top = float(np.interp(TOP_SHARE, share, of_revenue))
    axis.vlines(TOP_SHARE, 0, top, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
    axis.scatter([TOP_SHARE], [top], s=40, color=INK, zorder=3)
    axis.annotate(
        f"{TOP_SHARE:.0%} of the customers\nbring {top:.0%}",
        (TOP_SHARE, top),
        xytext=(8, -4),
        textcoords="offset points",
        va="top",
        fontsize="small",
    )
    for own in (axis.xaxis, axis.yaxis):
        own.set_major_formatter(PercentFormatter(1.0))
    axis.set(xlim=(0, 1), ylim=(0, 1.02))
    axis.set_xlabel("share of customers, most revenue first")
    axis.set_ylabel("share of revenue")
    bare(axis, "left", "bottom")


def _bars(axis: Axes, edges: Moments, heights: Any, colour: str, bottom: Any = 0.0) -> None:
    days = _days(edges)
    axis.bar(days[:-1], heights, np.diff(days) * 0.94, bottom, align="edge", color=colour)


def _clock(axis: Axes, edges: Moments) -> None:
    """Write the time beneath, in UTC, with the date where it is needed."""
    locator = AutoDateLocator(tz=timezone.utc, minticks=4, maxticks=12)  # type: ignore[no-untyped-call]
    ticks = ["%Y", "%b", "%m-%d", "%H:%M", "%H:%M", "%H:%M:%S"]
    beside = ["", "%Y", "%Y", "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d"]
    zero = ["", "%Y", "%b", "%m-%d", "%H:%M", "%H:%M"]
    formatter = ConciseDateFormatter(  # type: ignore[no-untyped-call]
        locator, timezone.utc, formats=ticks, zero_formats=zero, offset_formats=beside
    )
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(formatter)
    axis.set_xlim(*_days(edges[[0, -1]]))
    axis.set_xlabel("UTC")


def _days(edges: Moments) -> Floats:
    days: Floats = date2num(edges)  # type: ignore[no-untyped-call]
    return days
