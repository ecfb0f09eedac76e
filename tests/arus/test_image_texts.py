"""The dialects of images as text give the same bytes; what resembles one gives its reason."""

import base64
import gzip
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

import pytest

from arus.image_headers import RejectedImage
from arus.image_messages import ImageMessage, unpack
from tests.arus.image_samples import picture, saved

BOM = b"\xef\xbb\xbf"
Text = Callable[[str], str]


def image(number: int) -> bytes:
    """Return an image file of a length that base64 ends with `number` signs of padding."""
    data = saved(picture(16, seed=3), "PNG")
    data += bytes((-number - len(data)) % 3)
    text = base64.b64encode(data)
    assert (text.count(b"="), b"+" in text, b"/" in text) == (number, True, True)
    return data


IMAGES = [image(number) for number in range(3)]
NAMED = {"filename": "a b.png", "plant": "tea", "disease": "leaf spot"}


def in_lines(end: str, columns: int = 76, indent: str = "") -> Text:
    def parted(text: str) -> str:
        return end.join(indent + text[at : at + columns] for at in range(0, len(text), columns))

    return parted


def as_it_is(text: str) -> str:
    return text


ALPHABETS: dict[str, Text] = {
    "standard": as_it_is,
    "URL-safe": lambda text: text.translate(str.maketrans("+/", "-_")),
}
PADDINGS: dict[str, Text] = {"padded": as_it_is, "bare": lambda text: text.rstrip("=")}
LINES: dict[str, Text] = {
    "one line": as_it_is,
    "LF": lambda text: in_lines("\n")(text) + "\n",
    "CRLF": in_lines("\r\n", 64),
    "blanks": in_lines(" "),
    "indented": in_lines("\n", 70, indent="    "),
    "tabs": in_lines("\t", 60),
}
URIS: dict[str, Text] = {
    "no URI": as_it_is,
    "URI": lambda text: f"data:image/png;base64,{text}",
    "upper case": lambda text: f"DATA:Image/PNG;Charset=utf-8;BASE64,{text}",
    "parameters": lambda text: f'data:image/png;name="a,b.png"; base64, {text}',
}
STARTS = {"nothing": b"", "BOM": BOM, "white space": b" \r\n\t", "both": b"\n" + BOM + b" "}


def in_object(text: str) -> str:
    return json.dumps(NAMED | {"image": text})


WRAPPINGS: dict[str, Text] = {
    "bare": as_it_is,
    "string": json.dumps,
    "escaped string": lambda text: json.dumps(text).replace("/", "\\/"),
    "string twice": lambda text: json.dumps(json.dumps(text)),
    "object": in_object,
    "object of a string": lambda text: in_object(json.dumps(text)),
    "object of a string behind a BOM": lambda text: in_object("\ufeff" + json.dumps(text)),
    "object twice": lambda text: json.dumps(in_object(text)),
    "object thrice": lambda text: json.dumps(json.dumps(in_object(text))),
}
KINDS = (ALPHABETS, PADDINGS, LINES, URIS, WRAPPINGS)


def unpacked(value: bytes, headers: dict[str, bytes] | None = None) -> ImageMessage:
    return unpack(b"key.png", value, headers or {}, Path("nowhere"))


def reason(value: bytes) -> str:
    with pytest.raises(RejectedImage) as rejected:
        unpacked(value)
    return rejected.value.reason


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("start", STARTS)
def test_an_image_in_every_dialect_is_the_same_image(wrapping: str, start: str) -> None:
    named = NAMED if "object" in wrapping else {"filename": "key.png", "plant": "", "disease": ""}
    for data, names in itertools.product(IMAGES, itertools.product(*KINDS[:-1])):
        text = base64.b64encode(data).decode()
        for kind, name in zip(KINDS, (*names, wrapping), strict=True):
            text = kind[name](text)
        assert unpacked(STARTS[start] + text.encode()) == ImageMessage(**named, data=data), names


def test_a_json_string_may_have_line_breaks_as_they_are() -> None:
    text = base64.encodebytes(IMAGES[2]).decode()
    assert unpacked(f'{{"image": "{text}"}}'.encode()).data == IMAGES[2]
    assert unpacked(f'"{text}"'.encode()).data == IMAGES[2]


def test_raw_bytes_of_an_image_are_never_touched() -> None:
    for behind in (b"\n", b" \xef\xbb\xbf", b'"', b"=="):
        data = IMAGES[0] + behind
        assert unpacked(data).data is data


def lost_plus(text: str) -> str:
    return text.replace("+", " ")


NEAR_MISSES: list[tuple[str, Text]] = [
    ("python-bytes", lambda text: f"b'{text}'"),
    ("python-bytes", lambda text: f'b"{text}"'),
    ("python-bytes", lambda text: repr(base64.encodebytes(base64.b64decode(text)))),
    ("url-encoded", lost_plus),
    ("url-encoded", lambda text: lost_plus(text.rstrip("="))),
    ("url-encoded", lambda text: lost_plus(in_lines("\r\n")(text))),
    ("url-encoded", lambda text: lost_plus("data:image/png;base64," + text)),
    ("url-encoded", lambda text: lost_plus("data:image/png;base64, " + text)),
    ("url-encoded", quote_plus),
    ("url-encoded", lambda text: text.replace("+", "%2b")),
    ("url-encoded", lambda text: quote("data:image/png;base64," + text)),
    ("url-encoded", lambda text: lost_plus(text).replace("=", "%3D")),
    ("hex-text", lambda text: base64.b64decode(text).hex()),
    ("hex-text", lambda text: "0x" + base64.b64decode(text).hex().upper()),
    ("hex-text", lambda text: "\\x" + base64.b64decode(text).hex()),
    ("hex-text", lambda text: base64.b64decode(text).hex(" ")),
    ("image-by-url", lambda _: "https://example.org/leaves/1.jpg?size=9&b=1"),
    ("image-by-url", lambda _: "s3://bucket/leaf"),
    ("image-by-path", lambda _: "/data/x.jpg"),
    ("image-by-path", lambda _: "C:\\data\\leaf 1.JPEG"),
    ("image-by-path", lambda _: "daun é.webp"),
    ("gzip", lambda text: base64.b64encode(gzip.compress(base64.b64decode(text))).decode()),
]


@pytest.mark.parametrize("wrapping", WRAPPINGS)
@pytest.mark.parametrize("data", IMAGES)
def test_a_text_that_resembles_a_dialect_has_its_reason(wrapping: str, data: bytes) -> None:
    text = base64.b64encode(data).decode()
    for code, made in NEAR_MISSES:
        assert reason(WRAPPINGS[wrapping](made(text)).encode()) == code, made(text)[:90]


@pytest.mark.parametrize("schema", [1, 9, 32, 700, 80_000])
def test_a_schema_registrys_header_is_named(schema: int) -> None:
    header, text = b"\0" + schema.to_bytes(4, "big"), base64.b64encode(IMAGES[1])
    wrapped = [wrap(text.decode()).encode() for wrap in WRAPPINGS.values()]
    for value in (IMAGES[1], *wrapped, BOM + text):
        assert reason(header + value) == "schema-registry-header"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (gzip.compress(IMAGES[0], mtime=0), "gzip"),
        (b"[1, 2]", "not-object"),
        (b'"[1, 2]"', "not-object"),
        (BOM + b"{", "not-json"),
        (b'"{"', "not-json"),
        (b'"{}"', "missing-field:image"),
        (b" \r\n", "empty"),
        (b'""', "empty"),
        (b"data:,", "empty"),
        (b'{"image": " "}', "empty"),
        (b'{"image": "\\"\\""}', "empty"),
        (b'{"image": "100 % of it"}', "not-base64"),
        (b'{"image": "iVBORw0KGgo?"}', "not-base64"),
        (b'{"image": [137, 80]}', "wrong-type:image"),
    ],
)
def test_what_is_no_image_has_its_reason(value: bytes, code: str) -> None:
    assert reason(value) == code


@pytest.mark.parametrize(
    "value",
    [b"plain text", b'"plain text"', b'"unbalanced', b"b'", b"b''x", b"0xffd8", b"ffd8", b"null",
     b"a b.jpg\nc", b"%41%42", b"\0\0\0\0\1text", b"\0", b"data:image/svg+xml,<svg/>",
     b"QUJD RE VG", b"\xff\xfe\xfd%41"],
)  # fmt: skip
def test_what_resembles_no_image_is_handed_on_as_it_is(value: bytes) -> None:
    assert unpacked(value).data == value


@pytest.mark.parametrize("blanks", [1, 2, 3])
def test_odd_blanks_are_white_space_where_plus_signs_cannot_have_been(blanks: int) -> None:
    for data in IMAGES:
        pieces = base64.b64encode(data).decode().rsplit("A", blanks)
        text = "A ".join(pieces)
        is_sure = blanks == 1 or text.endswith("=")
        assert outcome(text.encode(), data) == ("the image" if is_sure else "url-encoded")


def outcome(value: bytes, data: bytes) -> str:
    try:
        return "the image" if unpacked(value).data == data else "another"
    except RejectedImage as rejected:
        return rejected.reason


def test_a_blank_is_white_space_only_where_that_is_sure() -> None:
    """A text that lost its `+` is refused, wherever they were, and never another image."""
    rng = random.Random(15)
    outcomes: Counter[str] = Counter()
    for _ in range(1500):
        data = IMAGES[0] + rng.randbytes(rng.randrange(1200))
        text = base64.b64encode(data).decode()
        if rng.random() < 0.5:
            text = in_lines(rng.choice(("\n", "\r\n")), rng.choice((60, 64, 70, 76)))(text)
        text = text.rstrip("=") if rng.random() < 0.5 else text
        outcomes[outcome(lost_plus(text).encode(), data)] += 1
    assert outcomes == {"url-encoded": 1500}


def test_a_form_body_is_no_text_of_an_image() -> None:
    body = urlencode({"image": base64.b64encode(IMAGES[0])}).encode()
    assert unpacked(body).data == body


def test_a_long_text_that_is_no_image_costs_little() -> None:
    for part in (b"data:", b"%41", b"a/b.", b'"\\"', b"ff", b"+ ", b"http://"):
        value = part * (1_000_000 // len(part))
        began = time.process_time()
        assert unpacked(value).data == value
        assert time.process_time() - began < 2
