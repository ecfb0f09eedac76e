"""Image files made for the tests: good ones in every format, and every kind of bad one."""

import io
import random
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

CANARY = b"<script>canary_5f1c()</script>"


def picture(side: int = 96, seed: int = 1, mode: str = "RGB") -> Image.Image:
    """Return a smooth picture of many colours."""
    rng = random.Random(seed)
    return (
        Image.frombytes("RGB", (8, 8), rng.randbytes(192)).resize((side, side), Image.Resampling.BICUBIC).convert(mode)
    )


def saved(image: Image.Image, image_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def jpeg(side: int = 96, seed: int = 1) -> bytes:
    return saved(picture(side, seed), "JPEG")


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, body: bytes, *extra: bytes, colour: int = 2) -> bytes:
    """Return a PNG file that claims a size, whatever its zlib stream then holds, with other chunks before it."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def with_segments(data: bytes, *segments: bytes) -> bytes:
    return data[:2] + b"".join(segments) + data[2:]


def exif(orientation: int, payload: bytes = b"") -> bytes:
    """Return EXIF data with an orientation and a description, in Motorola's order."""
    entries = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0) + struct.pack(">HHII", 0x010E, 2, len(payload), 38)
    return b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", 2) + entries + b"\0\0\0\0" + payload


def claimed(data: bytes, width: int, height: int) -> bytes:
    """Return a JPEG file whose frame claims another size."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def webp_claimed(width: int, height: int) -> bytes:
    data = bytearray(saved(picture(), "WEBP", exif=exif(1)))
    data[24:27], data[27:30] = (width - 1).to_bytes(3, "little"), (height - 1).to_bytes(3, "little")
    return bytes(data)


def many_scans(scans: int) -> bytes:
    """Return a progressive JPEG file whose first scan is there many times."""
    data = saved(picture(), "JPEG", progressive=True)
    first = data.index(b"\xff\xda")
    second = data.index(b"\xff\xda", first + 2)
    end = data.rindex(b"\xff", first, second)
    end = max(data.find(b"\xff\xc4", first, second), 0) or end
    return data[:first] + data[first:end] * scans + data[end:]


def animated(image_format: str) -> bytes:
    frames = [picture(seed=seed) for seed in (2, 3)]
    return saved(picture(), image_format, save_all=True, append_images=frames)


def bombs() -> Iterator[tuple[str, bytes, str]]:
    """Yield (name, file, reason code): files that cost far more to decode than to send."""
    rows = zlib.compress(bytes(1 + 3 * 20_000) * 100, 9)
    text = zlib.compress(bytes(50_000_000), 9)
    yield "png-20000", png(20_000, 20_000, rows), "too-many-pixels"
    yield "png-14000", png(14_000, 14_000, rows), "too-many-pixels"
    yield "png-grey-65535", png(65_535, 65_535, rows, colour=0), "too-many-pixels"
    yield "png-wide", png(2**31 - 1, 1, rows), "too-many-pixels"
    yield "png-tall", png(1, 2**31 - 1, rows), "too-many-pixels"
    yield "png-largest", png(2**31 - 1, 2**31 - 1, rows), "too-many-pixels"
    yield "png-nothing", png(0, 100, rows), "corrupt"
    yield "png-profile", png(9, 9, rows, chunk(b"iCCP", b"icc\0\0" + text)), "oversize-profile"
    yield "png-text", png(7000, 7000, b"", *[chunk(b"zTXt", b"k\0\0" + text)] * 60), "truncated"
    yield "png-chunks", png(9, 9, b"", *[chunk(b"prVt", b"")] * 400_000), "too-many-parts"
    yield "png-animated", animated("PNG"), "animated"
    yield "jpeg-65500", claimed(jpeg(), 65_500, 65_500), "too-many-pixels"
    yield "jpeg-flat", claimed(jpeg(), 65_500, 1_000), "too-many-pixels"
    yield "jpeg-scans", many_scans(5_000), "too-many-scans"
    yield "jpeg-comments", with_segments(jpeg(), jpeg_segment(0xFE, b"") * 1_000_000), "too-many-parts"
    yield "jpeg-profile", with_segments(jpeg(), *icc_parts(40)), "oversize-profile"
    yield "webp-16383", webp_claimed(16_383, 16_383), "too-many-pixels"
    yield "webp-largest", webp_claimed(2**24, 2**24), "too-many-pixels"
    yield "webp-animated", animated("WEBP"), "animated"
    yield "bytes", jpeg() + bytes(20_000_001), "too-many-bytes"


def icc_parts(count: int) -> list[bytes]:
    return [jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes([n, count]) + bytes(60_000)) for n in range(1, count + 1)]


def polyglots(count: int) -> Iterator[bytes]:
    """Yield image files that also are, or carry, something else with the canary in it."""
    rng = random.Random(7)
    for number in range(count):
        payload = rng.randbytes(rng.randrange(40)) + CANARY + rng.randbytes(rng.randrange(40))
        kind = KINDS[number % len(KINDS)]
        yield kind(jpeg(64, number), saved(picture(64, number), "PNG"), saved(picture(64, number), "WEBP"), payload)


def _png_text(_jpeg: bytes, data: bytes, _webp: bytes, payload: bytes) -> bytes:
    return data[:33] + chunk(b"tEXt", b"Comment\0" + payload) + data[33:]


def _webp_exif(_jpeg: bytes, _png: bytes, _webp: bytes, payload: bytes) -> bytes:
    return saved(picture(64), "WEBP", exif=exif(1, payload), xmp=payload)


def _palette(_jpeg: bytes, _png: bytes, _webp: bytes, payload: bytes) -> bytes:
    # The colours themselves: what is decoded may hold them, what is encoded again must not.
    image = Image.new("P", (64, 64))
    image.putpalette((CANARY * 30)[:768])
    return saved(image, "PNG") + payload


KINDS = (
    lambda data, _png, _webp, payload: data + b"PK\3\4" + payload,
    lambda data, _png, _webp, payload: with_segments(data, jpeg_segment(0xFE, b"*/=1;" + payload + b"/*")),
    lambda data, _png, _webp, payload: with_segments(data, jpeg_segment(0xE1, exif(6, payload))),
    lambda data, _png, _webp, payload: with_segments(
        data, jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + payload)
    ),
    lambda data, _png, _webp, payload: with_segments(data, jpeg_segment(0xE2, b"ICC_PROFILE\0\1\1" + payload)),
    lambda data, _png, _webp, payload: with_segments(data, jpeg_segment(0xED, b"Photoshop 3.0\0" + payload)),
    lambda _jpeg, data, _webp, payload: data + b"<html>" + payload,
    lambda _jpeg, data, _webp, payload: data[:33] + chunk(b"iCCP", b"x\0\0" + zlib.compress(payload)) + data[33:],
    lambda _jpeg, _png, data, payload: data + payload,
    _png_text,
    _webp_exif,
    _palette,
)


def mutations(count: int, seed: int) -> Iterator[bytes]:
    """Yield files with bits turned, parts cut, doubled, moved and overwritten, and lengths changed."""
    rng = random.Random(seed)
    small = picture(64, seed)
    sources = [
        saved(small, "JPEG"),
        saved(small, "JPEG", progressive=True),
        saved(small.convert("CMYK"), "JPEG"),
        saved(small, "PNG"),
        saved(small.convert("P"), "PNG"),
        saved(small.convert("RGBA"), "PNG"),
        saved(small, "WEBP"),
        saved(small.convert("RGBA"), "WEBP", lossless=True),
    ]
    for _ in range(count):
        data = bytearray(rng.choice(sources))
        for _ in range(rng.choice((1, 1, 2, 4, 16))):
            rng.choice(MUTATIONS)(rng, data)
        yield bytes(data)


def _turn_bit(rng: random.Random, data: bytearray) -> None:
    at = min(int(rng.expovariate(1 / 300)), len(data) - 1) if rng.random() < 0.5 else rng.randrange(len(data))
    data[at] ^= 1 << rng.randrange(8)


def _cut(rng: random.Random, data: bytearray) -> None:
    del data[max(rng.randrange(len(data)), 1) :]


def _drop(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.randrange(1, 40)]
    data += b"\0"


def _double(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data))
    data[at:at] = data[at : at + rng.randrange(1, 80)]


def _overwrite(rng: random.Random, data: bytearray) -> None:
    at = rng.randrange(len(data))
    data[at : at + 4] = rng.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", rng.randbytes(4)))


def _swap_head(rng: random.Random, data: bytearray) -> None:
    data[:4] = rng.choice((b"\xff\xd8\xff\xe0", b"\x89PNG", b"RIFF", b"GIF8", b"BM\0\0"))


MUTATIONS = (_turn_bit, _turn_bit, _turn_bit, _cut, _drop, _double, _overwrite, _swap_head)
