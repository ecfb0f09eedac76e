"""Invented retail invoices with the columns and the quirks of a real shop's export, without an end.

Customers keep their habits: a country, favourite products, a size of basket, a rate of visits. The same seed gives the
same rows.
"""

import itertools
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

Row = dict[str, str | int | float | list[str] | None]

CUSTOMERS = 4_000
PRODUCTS = 3_500
FIRST_CUSTOMER = 12_346
FIRST_INVOICE = 536_365
FIRST_DATE = datetime(2010, 12, 1, 8, 26)  # noqa: DTZ001 (the rows carry local shop time, without a zone)
MINUTES_BETWEEN_INVOICES = 8.0

ANONYMOUS_SHARE = 0.25
FLOAT_ID_SHARE = 0.1
CANCELLED_SHARE = 0.12  # of the invoices; a cancellation takes back one to three lines, so about 2 % of the rows
ZERO_PRICE_SHARE = 0.0013
CHARGE_SHARE = 0.04
POSTAGE_SHARE = 0.4


def listed(names: str) -> list[str]:
    return names.split(",")


COUNTRIES = listed(
    "United Kingdom,Germany,France,EIRE,Spain,Netherlands,Belgium,Switzerland,Portugal,Australia,Norway,Italy,"
    "Channel Islands,Finland,Cyprus,Sweden,Unspecified,Austria,Denmark,Japan,Poland,Israel,USA,Hong Kong,Singapore,"
    "Iceland,Canada,Greece,Malta,United Arab Emirates,European Community,RSA,Lebanon,Lithuania,Brazil,Czech Republic,"
    "Bahrain,Saudi Arabia"
)
HOME_SHARE = 0.9
ABROAD_WEIGHTS = [1 / rank for rank in range(1, len(COUNTRIES))]

# Code, description, lowest and highest price of what is no product.
CHARGES = (
    ("BANK CHARGES", "Bank Charges", 10.0, 30.0),
    ("M", "Manual", 1.0, 80.0),
    ("D", "Discount", 5.0, 60.0),
)
SETS = ("", "", "", "", "SET OF 3 ", "SET OF 6 ", "PAIR OF ", "BOX OF 12 ")
LOOKS = listed(
    "AMBER,BAMBOO,COBALT,DUSKY,EMERALD,FROSTED,GILDED,HAMMERED,INDIGO,JADE,KNITTED,LACQUERED,MARBLED,NAUTICAL"
)
THINGS = listed(
    "LANTERN,TEAPOT,COASTER,BASKET,CUSHION,NOTEBOOK,GARLAND,SPICE JAR,KEY HOOK,WATERING CAN,TRAY,STOOL,PLATE,APRON,"
    "MAGNET,THIMBLE,UMBRELLA,BOOKEND,WIND CHIME,SOAP DISH"
)
MOTIFS = listed("WITH FERNS,WITH HERONS,WITH STARS,IN LINEN,WITH TASSELS,WITH WAVES,FOR TRAVEL,WITH FOXES,,,")
QUANTITIES = (1, 1, 1, 1, 2, 2, 2, 3, 4, 4, 6, 6, 8, 10, 12, 12, 12, 24, 24, 48)


class Product(NamedTuple):
    code: str
    description: str
    price: float


class Customer(NamedTuple):
    number: int
    country: str
    favourites: list[Product]
    lines: float
    scale: int


class Shop(NamedTuple):
    products: list[Product]
    popularity: list[float]
    customers: list[Customer]
    visits: list[float]


class Invoice(NamedTuple):
    """What the lines of one invoice share."""

    number: int
    date: str
    customer_id: int | float | None
    country: str


def rows(seed: int) -> Iterator[Row]:
    """Yield one row an invoice line, with the eight columns of the topic `retail_stream`, in order of date."""
    rng = random.Random(f"{seed}/retail")
    shop = open_shop(rng)
    numbers = itertools.count(FIRST_INVOICE)
    for date in opening_hours(rng):
        customer = rng.choices(shop.customers, cum_weights=shop.visits)[0]
        invoice = Invoice(next(numbers), date.isoformat(" "), customer_id(rng, customer), customer.country)
        bought = list(basket(rng, shop, customer, invoice))
        yield from bought
        if rng.random() < CANCELLED_SHARE:
            taken_back = rng.sample(bought, min(len(bought), rng.randint(1, 3)))
            yield from cancelled(taken_back, next(numbers))


def open_shop(rng: random.Random) -> Shop:
    products = [make_product(rng, code) for code in rng.sample(range(10_002, 90_215), PRODUCTS)]
    popularity = list(itertools.accumulate(min(rng.paretovariate(1.1), 60.0) for _ in products))
    customers = [make_customer(rng, number, products, popularity) for number in range(CUSTOMERS)]
    visits = list(itertools.accumulate(min(rng.paretovariate(1.3), 60.0) for _ in customers))
    return Shop(products, popularity, customers, visits)


def make_product(rng: random.Random, code: int) -> Product:
    suffix = rng.choice("ABCDEFGLPS") if rng.random() < 0.15 else ""
    words = (rng.choice(SETS) + rng.choice(LOOKS), rng.choice(THINGS), rng.choice(MOTIFS))
    price = max(0.19, round(rng.lognormvariate(0.75, 0.85) * 20) / 20)
    return Product(f"{code}{suffix}", " ".join(words).strip(), price)


def make_customer(rng: random.Random, number: int, products: list[Product], popularity: list[float]) -> Customer:
    abroad = rng.choices(COUNTRIES[1:], ABROAD_WEIGHTS)[0]
    country = COUNTRIES[0] if rng.random() < HOME_SHARE else abroad
    if number < len(COUNTRIES):
        country = COUNTRIES[number]
    favourites = rng.choices(products, cum_weights=popularity, k=rng.randint(5, 60))
    scale = rng.choices((1, 2, 5, 20), weights=(85, 11, 3.5, 0.5))[0]
    return Customer(FIRST_CUSTOMER + number, country, favourites, rng.lognormvariate(2.2, 0.7), scale)


def opening_hours(rng: random.Random) -> Iterator[datetime]:
    """Yield the moment of each invoice: by day, to the minute, ever later."""
    moment = FIRST_DATE
    while True:
        yield moment.replace(second=0, microsecond=0)
        moment += timedelta(minutes=rng.expovariate(1 / MINUTES_BETWEEN_INVOICES))
        if moment.hour >= 18:
            moment = moment.replace(hour=8) + timedelta(days=1)


def customer_id(rng: random.Random, customer: Customer) -> int | float | None:
    """Return the id as the row shows it: at times missing, at times as 17850.0."""
    if rng.random() < ANONYMOUS_SHARE:
        return None
    return float(customer.number) if rng.random() < FLOAT_ID_SHARE else customer.number


def basket(rng: random.Random, shop: Shop, customer: Customer, invoice: Invoice) -> Iterator[Row]:
    lines = 1 + int(rng.expovariate(1 / customer.lines))
    chosen = rng.choices(customer.favourites, k=lines)
    for index in range(0, lines, 3):
        chosen[index] = rng.choices(shop.products, cum_weights=shop.popularity)[0]
    for product, quantity in zip(chosen, rng.choices(QUANTITIES, k=lines), strict=True):
        if rng.random() < ZERO_PRICE_SHARE:
            yield line(invoice, product.code, rng.choice(("", product.description)), quantity, 0.0)
        else:
            yield line(invoice, product.code, product.description, quantity * customer.scale, product.price)
    if customer.country != COUNTRIES[0] and rng.random() < POSTAGE_SHARE:
        yield line(invoice, "POST", "POSTAGE", rng.randint(1, 4), 18.0)
    if rng.random() < CHARGE_SHARE:
        code, description, low, high = rng.choice(CHARGES)
        yield line(invoice, code, description, -1 if code == "D" else 1, round(rng.uniform(low, high), 2))


def line(invoice: Invoice, code: str, description: str, quantity: int, price: float) -> Row:
    return {
        "InvoiceNo": str(invoice.number),
        "StockCode": code,
        "Description": description,
        "Quantity": quantity,
        "InvoiceDate": invoice.date,
        "UnitPrice": price,
        "CustomerID": invoice.customer_id,
        "Country": invoice.country,
    }


def cancelled(taken_back: list[Row], number: int) -> Iterator[Row]:
    for row in taken_back:
        yield {**row, "InvoiceNo": f"C{number}", "Quantity": -abs(int(str(row["Quantity"])))}
