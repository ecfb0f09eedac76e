"""What a prediction is asked with: one table, from which come the validation, OpenAPI and the form."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from arus.base.values import NUMBER_TEXT
from arus.schemas import RETAIL_FIELDS, RETAIL_OTHER_NAMES

MODEL_NUMBER = "model_number"
QUANTITY = "Quantity"
UNIT_PRICE = "UnitPrice"
CUSTOMER_ID = "CustomerID"
CLUSTER = "cluster"
CLUSTER_NAME = "cluster_name"
# What OpenAPI calls a number as text; its bounds are those of the number.
NUMBER_FORMAT = "decimal"

# Pieces, and currency: beyond any invoice, and far from where a float loses a piece.
LARGEST_NUMBER = 1_000_000_000
# Fifteen digits: every such number is exact in JSON, whatever reads it.
LARGEST_ID = 10**15 - 1
LARGEST_MODEL = 999_999_999
LONGEST_TEXT = 64

# The jobs' own grammar, and the blanks that they take around it.
_NUMBER = re.compile(rf"[ \t\r\n]*{NUMBER_TEXT}[ \t\r\n]*")
_DIGITS = re.compile(r"[0-9]{1,15}")
_MODEL = re.compile(r"[1-9][0-9]{0,8}")
_TEXT = re.compile(rf"[^\x00-\x1f\x7f]{{1,{LONGEST_TEXT}}}")
_TEXT_SCHEMA = {"type": "string", "pattern": rf"^[^\u0000-\u001f\u007f]{{1,{LONGEST_TEXT}}}$"}
_NUMBER_TEXT_SCHEMA = {"type": "string", "format": NUMBER_FORMAT, "pattern": f"^{_NUMBER.pattern}$"}
_ID_SCHEMA = {"type": "integer", "minimum": 0, "maximum": LARGEST_ID}


def number_of(value: Any) -> Any:
    """Return the number that a text says, by the grammar of the jobs; anything else as it is."""
    if type(value) is not str or not _NUMBER.fullmatch(value):
        return value
    try:
        return int(value)
    except ValueError:
        return float(value)


def whole_number_of(value: Any) -> Any:
    """Return the same, and a whole number without its `.0`."""
    found = number_of(value)
    return int(found) if type(found) is float and found.is_integer() else found


def as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Field:
    """One field of a request: which values it takes, in code, for people and as JSON Schema.

    `accepts` says whether a value is one; `convert` makes one of a text that is none yet.
    """

    name: str
    accepts: Callable[[Any], bool]
    rule: str
    schema: Mapping[str, Any]
    example: Any
    convert: Callable[[Any], Any] = as_it_is

    def read(self, value: Any) -> Any:
        """Return a value of this field as it is, or the number that it is as text."""
        return value if self.accepts(value) else self.convert(value)

    @property
    def sent_schema(self) -> Mapping[str, Any]:
        """What may be sent: the field's own values, and numbers as text."""
        if self.convert is as_it_is:
            return self.schema
        return {"anyOf": [*self.schema.get("anyOf", [self.schema]), _NUMBER_TEXT_SCHEMA]}


@dataclass(frozen=True)
class Kind:
    """What can be asked for: the view of a model that answers, and the fields of a request in their order."""

    name: str
    view: str
    path: str
    fields: tuple[Field, ...]
    example_answer: dict[str, Any]

    @property
    def id(self) -> Field:
        return self.fields[1]

    @property
    def example(self) -> dict[str, Any]:
        """A request."""
        return {field.name: field.example for field in self.fields}

    @cached_property
    def names(self) -> dict[str, Field | None]:
        """Each name that a request may hold, with its field; None for a column not needed."""
        fields = {field.name: field for field in self.fields}
        columns = {name: fields.get(name) for name in RETAIL_FIELDS}
        others = {other: fields.get(name) for name, other in RETAIL_OTHER_NAMES.items()}
        return {MODEL_NUMBER: fields[MODEL_NUMBER], **columns, **others}


def is_number(value: Any, least: int, most: int) -> bool:
    """Return whether it is a number within bounds: NaN is in none, and a bool is no number."""
    return type(value) in (int, float) and least <= value <= most


def is_integer(value: Any, least: int, most: int) -> bool:
    return (type(value) is int or (type(value) is float and value.is_integer())) and least <= value <= most


def is_text(value: Any) -> bool:
    return type(value) is str and _TEXT.fullmatch(value) is not None


def is_customer_id(value: Any) -> bool:
    return is_integer(value, 0, LARGEST_ID) or (type(value) is str and _DIGITS.fullmatch(value) is not None)


def is_stock_code(value: Any) -> bool:
    return is_text(value) or is_integer(value, 0, LARGEST_ID)


def is_model_number(value: Any) -> bool:
    if type(value) is str:
        return _MODEL.fullmatch(value) is not None
    return value is None or is_integer(value, 1, LARGEST_MODEL)


_MODEL_FIELD = Field(
    MODEL_NUMBER,
    is_model_number,
    f"a whole number from 1 to {LARGEST_MODEL:,}, as a number or as text; without it the champion answers",
    {
        "anyOf": [
            {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"},
            {"type": "integer", "minimum": 1, "maximum": LARGEST_MODEL},
            {"type": "null"},
        ]
    },
    "1",
    whole_number_of,
)
_CUSTOMER_FIELD = Field(
    CUSTOMER_ID,
    is_customer_id,
    f"a whole number from 0 to {LARGEST_ID:,}, as a number or as text",
    {"anyOf": [_ID_SCHEMA, {"type": "string", "pattern": "^[0-9]{1,15}$"}]},
    17850,
    whole_number_of,
)
_STOCK_CODE_FIELD = Field(
    "StockCode",
    is_stock_code,
    f"a string of 1 to {LONGEST_TEXT} characters, none of them a control character, or a whole number",
    {"anyOf": [_TEXT_SCHEMA, _ID_SCHEMA]},
    "85123A",
)
_COUNTRY_FIELD = Field(
    "Country",
    is_text,
    f"a string of 1 to {LONGEST_TEXT} characters, none of them a control character",
    _TEXT_SCHEMA,
    "United Kingdom",
)
_QUANTITY_FIELD = Field(
    QUANTITY,
    lambda value: is_number(value, -LARGEST_NUMBER, LARGEST_NUMBER),
    f"a number of pieces from -{LARGEST_NUMBER:,} to {LARGEST_NUMBER:,}; a negative one is a return",
    {"type": "number", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER},
    10,
    number_of,
)
_PRICE_FIELD = Field(
    UNIT_PRICE,
    lambda value: is_number(value, 0, LARGEST_NUMBER),
    f"a price for one piece from 0 to {LARGEST_NUMBER:,}",
    {"type": "number", "minimum": 0, "maximum": LARGEST_NUMBER},
    5.0,
    number_of,
)


def _kind(name: str, view: str, field: Field, cluster: int, cluster_name: str) -> Kind:
    fields = (_MODEL_FIELD, field, _QUANTITY_FIELD, _PRICE_FIELD)
    example_answer = {CLUSTER: cluster, CLUSTER_NAME: cluster_name}
    return Kind(name, view, f"/cluster-{name}", fields, example_answer)


CUSTOMER = _kind("customer", "customers", _CUSTOMER_FIELD, 2, "high prices")
PRODUCT = _kind("product", "products", _STOCK_CODE_FIELD, 1, "high prices")
COUNTRY = _kind("country", "countries", _COUNTRY_FIELD, 3, "large quantities")
KINDS = (CUSTOMER, PRODUCT, COUNTRY)
