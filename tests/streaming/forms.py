"""Every way in which a sensor's reading can be written or be wrong, field by field, and all of it combined, seeded."""

import itertools
import json
import random
from collections.abc import Iterator

from producers.temperature import MALFORMED

SENSOR_IDS = (
    b"12345678.0",
    b"1e15",
    b'"1.25E10"',
    b'"12e3"',
    b'"12.0\\u2028"',
    b"12.0",
    b'"12.0"',
    b'"-12.00"',
    b'"1.0.0"',
    b'"S1"',
    b'" S1 "',
    b'"S\\u0031"',
    b'"\\ud83c\\udf21"',
    b"12",
    b"12.5",
    b"89014103211118510721",
    b"true",
    b'"a:b_c.d-e"',
)
NO_SENSOR_IDS = (
    b"NaN",
    b"-Infinity",
    b"1e400",
    b'"\\"NaN\\""',
    b"null",
    b'""',
    b'" "',
    b'"\\t\\n"',
    b'{"a":1}',
    b'["S1"]',
    b'"{"',
)
NUMBERS = (
    b"70.25", b"70", b"-0.0", b"7.0e1", b"2000.0", b"-273.15", b"80.0", b"80.00001", b'"70.25"', b'" 81 "', b'"+8.1e1"',
)  # fmt: skip
NO_NUMBERS = (
    b"null", b'""', b'"panas"', b"true", b"[70.0]", b'{"c":70}', b"NaN", b"Infinity", b"1e400", b'"NaN"', b'"Infinity"',
    b"2000.01", b"-273.16", b'"0x1A"', b'"1d"', b'"7 0"', b"070", b"7.", b"+7", b'"70,5"',
    b"1" * 400, b'"' + b"9" * 400 + b'"',
)  # fmt: skip
TIMES = (
    None, b"null", b'""', b"1795262400", b"1795262400.25", b"1.7952624e9", b'"1795262400.5"', b"1795348800", b"NaN",
    b"1795262400561", b'"1795262400561"', b"1795262400561001", b"1795262400561001999", b"946684800000",
    b'"2026-11-21 12:00:00"', b'"2026-11-21T12:00:00.561Z"', b'"2026-11-21T12:00"', b'"2026-11-21 19:00:00+0700"',
    b'"2026-11-21t08:30:00,25 -03:30"', b'"2026/11/21 12:00:00 utc"', b'"2026-11-21"', b'"2026-1-2 3:04"',
    b'"2026-11-21T12:00:00.123456789+07"', b'" 2026-11-21 12:00:00\\n"', b'"N/A"', b'"None"', b'" nan "', b'"NaT"',
)  # fmt: skip
NO_TIMES = (
    b'"kemarin"', b"true", b"{}", b"-1e15", b"1e18", b"0", b"1795348800.001", b"1e400", b"946684799.9", b"7",
    b"1795348800001", b"99999999999999999999999", b'"1e400"', b'"21/11/2026 12:00"', b'"2026-11-31 12:00"', b'"12:00"',
    b'"2026-11-21 25:00"', b'"2026-11-21T12:00:00+99:00"', b'"2026-11-21T12:00:60Z"', b'"2126-11-21"', b"[1795262400]",
    b'"2026-11-21T12"', b'"20261121T120000Z"', b'"9999-12-31T23:59:59-05:00"', b'"0000-01-01T00:00:00Z"',
)  # fmt: skip
AROUND = (b"%s", b" %s\n", b"\t%s\r\n", b"\xef\xbb\xbf%s", b"\r\n\xef\xbb\xbf %s", b"%s\xef\xbb\xbf")
BROKEN_AROUND = (
    b"%s}",
    b"%s%s",
    b"[%s]",
    b"%s\x00",
    b"x%s",
    b"%s,{}",
    b'%s,{"_end":true}',
    b"\xff%s",
    b"%s  junk",
    b"\0\0\0\0\7%s",
    b"\0%s",
    b"\xfe\xff%s",
)
REST = (b"", b',"unit":"C"', b',"more":{"a":[1,{"b":null}]}', b',"note":"}{"', b',"note":"\\"}"', b',"n":NaN')
BROKEN_REST = (b',"x":tru', b",", b',"x":01', b",'x':1", b',"x":"\x01"', b',"x"', b",,")
COMBINATIONS = 4_000


def in_a_string(value: bytes) -> bytes:
    """Return JSON as a JSON string: what an encoder of an encoded value writes."""
    return json.dumps(value.decode("latin-1")).encode()


def reading(sensor_id: bytes, suhu: bytes, timestamp: bytes | None, rest: bytes = b"", around: bytes = b"%s") -> bytes:
    time = b"" if timestamp is None else b',"timestamp":' + timestamp
    body = b'{"sensor_id":' + sensor_id + b',"suhu":' + suhu + time + rest + b"}"
    return around.replace(b"%s", body)


def one_at_a_time() -> Iterator[bytes | None]:
    """Yield a plain reading with each part in each of its forms, right and wrong."""
    yield from MALFORMED.values()
    plain = {"sensor_id": b'"S1"', "suhu": b"90.0", "timestamp": b"1795262400.25", "rest": b"", "around": b"%s"}
    forms = {
        "sensor_id": SENSOR_IDS + NO_SENSOR_IDS,
        "suhu": NUMBERS + NO_NUMBERS,
        "timestamp": TIMES + NO_TIMES,
        "rest": REST + BROKEN_REST,
        "around": AROUND + BROKEN_AROUND,
    }
    for name, values in forms.items():
        for value in values:
            once = reading(**{**plain, name: value})  # type: ignore[arg-type]
            twice = in_a_string(once)
            yield from (once, twice, b" " + twice + b"\n", twice + b"x", twice + twice, in_a_string(twice))
    yield b'{"sensor_id":"S1","suhu":70.0,"suhu":90.0}'
    yield b'{"suhu":90.0,"sensor_id":"S1"}'
    yield b'{"sensor_id":"S1","suhu":90.0}{"sensor_id":"S2","suhu":91.0}'
    yield b'{"Sensor_ID":"S1","suhu":90.0}'
    yield b'{"sensor_id":"S1","temperature":90.0}'
    yield b'{"sensor_id":"S1","suhu":null,"temperature":90.0,"temp":1}'
    yield b'{"sensor_id":"S1","temp":"91","suhu":90.0}'
    yield b'{"sensor_id":"S1","temp":true}'
    yield b'"'
    yield b'"panas"'
    yield b'"{}",{"_end":true}'
    yield b'"{\\"sensor_id\\":\\"S1\\",\\"suhu\\":90.0}'


def combined(seed: int, count: int = COMBINATIONS) -> Iterator[bytes]:
    """Yield readings whose parts are each drawn from all of their forms, most of them right."""
    rng = random.Random(seed)

    def draw(right: tuple[bytes | None, ...], wrong: tuple[bytes | None, ...]) -> bytes | None:
        return rng.choice(wrong if rng.random() < 0.15 else right)

    for _ in itertools.repeat(None, count):
        parts = draw(SENSOR_IDS, NO_SENSOR_IDS), draw(NUMBERS, NO_NUMBERS), draw(TIMES, NO_TIMES)
        rest, around = draw(REST, BROKEN_REST), draw(AROUND, BROKEN_AROUND)
        yield reading(parts[0] or b"", parts[1] or b"", parts[2], rest or b"", around or b"%s")
