"""Every way in which a sensor's message can be unusable, by name."""


def malformed(identity: str, name: str, field: str, rest: str = "") -> dict[str, bytes | None]:
    """Return unusable values of a sensor called `name`; `rest` is JSON that follows its reading, as `,"unit":"C"`."""

    def record(reading: str = "70.0", who: str = f'"{name}"', end: str = rest) -> bytes:
        return f'{{"{identity}":{who},"{field}":{reading}{end}}}'.encode()

    good = record()
    return {
        "null": None,
        "empty": b"",
        "blank": b"  \n",
        "invalid_utf8": good.replace(b'"' + name[0].encode(), b'"' + name[0].encode() + b"\xff\xfe"),
        "truncated": good[: good.index(b"0.0")],
        "trailing_bytes": good + b"}garbage",
        "not_json": f"{identity}={name};{field}=70.0".encode(),
        "array": b"[" + good + b"]",
        "bare_number": b"70.0",
        "json_null": b"null",
        f"missing_{field}": f'{{"{identity}":"{name}"{rest}}}'.encode(),
        f"missing_{identity}": f'{{"{field}":70.0{rest}}}'.encode(),
        f"null_{field}": record("null"),
        f"null_{identity}": record(who="null"),
        f"text_{field}": record('"panas"'),
        f"boolean_{field}": record("true"),
        f"object_{field}": record('{"celsius":70.0}'),
        f"nan_{field}": record("NaN"),
        f"infinite_{field}": record("Infinity"),
        f"overflowing_{field}": record("1e400"),
        "schema_registry": b"\0\0\0\0\7" + good,
        "oversize": record(who='"' + name[0] * 70 * 1024 + '"'),
    }
