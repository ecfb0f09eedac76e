"""Images as messages of the topic `image-stream`, in every form that producers send.

A message's key is the file's name, and its value is one of
- the file's bytes;
- their base64 text, in any dialect, or a JSON string of it (arus/image_texts.py);
- a JSON object {"filename", "plant", "disease", "image"}, the image in base64, or a JSON string of
  that object;
- nothing, where the file is larger than a message may be: the header `file` then names the one in `storage/large` that
  has its bytes, by their SHA-256.
Headers, all UTF-8: plant, disease, filename, content-type (of the image), sha256 (of the image's bytes, hexadecimal).
None of them is needed: a value says by itself which form it has. Reason codes: null-value, empty, not-json, not-object,
missing-field:image, wrong-type:FIELD, not-base64, wrong-sha256, wrong-reference, lost-reference,
oversize, and those of what resembles these forms: python-bytes, url-encoded,
schema-registry-header, hex-text, image-by-url, image-by-path, gzip.
"""

import base64
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from arus import home
from arus.image_files import CONTENT_TYPES, format_of
from arus.image_headers import RejectedImage
from arus.image_names import shown_name
from arus.image_texts import bytes_in, unquoted

ENCODINGS = ("raw", "base64", "json")
# Kafka takes 1 MiB with everything that belongs to a message; so much is left for its value.
MAX_INLINE_BYTES = 1_000_000
MAX_LARGE_BYTES = 64 * 1024 * 1024
LARGE_NAME = re.compile(r"[0-9a-f]{64}")
UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class ImageMessage:
    """An image file and what is said of it; what is not said is empty."""

    filename: str
    plant: str
    disease: str
    data: bytes


def pack(
    image: ImageMessage, encoding: str, max_bytes: int = MAX_INLINE_BYTES
) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Return value and headers of a message; a value above `max_bytes` goes to `storage/large` instead."""
    digest = hashlib.sha256(image.data).hexdigest()
    headers = {
        "plant": image.plant,
        "disease": image.disease,
        "filename": image.filename,
        "content-type": CONTENT_TYPES.get(format_of(image.data) or "", UNKNOWN_TYPE),
        "sha256": digest,
    }
    value = _encoded(image, encoding)
    if len(value) > max_bytes:
        value = b""
        headers["file"] = store_large(image.data, digest)
    return value, [(name, text.encode()) for name, text in headers.items()]


def _encoded(image: ImageMessage, encoding: str) -> bytes:
    if encoding == "raw":
        return image.data
    text = base64.b64encode(image.data)
    if encoding == "base64":
        return text
    said = {"filename": image.filename, "plant": image.plant, "disease": image.disease, "image": text.decode()}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def unpack(key: bytes | None, value: bytes | None, headers: Mapping[str, bytes], large: Path) -> ImageMessage:
    """Return the image of a message, whichever its form; `large` is the folder of those by reference.

    Raises RejectedImage. The names are fit to be shown, whatever was sent.
    """
    said = {name: headers.get(name, b"").decode(errors="replace") for name in ("filename", "plant", "disease")}
    if "file" in headers and not value:
        data = read_large(large, headers["file"].decode(errors="replace"))
    elif value is None:
        raise RejectedImage("null-value")
    elif not value.startswith(b"{") and format_of(value):
        data = value
    else:
        data, fields = _from_text(value)
        said |= fields
    said["filename"] = said["filename"] or (key or b"").decode(errors="replace")
    if not data:
        raise RejectedImage("empty")
    digest = headers.get("sha256")
    if digest and hashlib.sha256(data).hexdigest().encode() != digest.lower():
        raise RejectedImage("wrong-sha256")
    return ImageMessage(**{name: shown_name(text) if text else "" for name, text in said.items()}, data=data)


def _from_text(value: bytes) -> tuple[bytes, dict[str, str]]:
    """Return the image's bytes in a text, or the value as it is, and what else it says."""
    text = unquoted(value)
    if text.startswith((b"{", b"[")):
        fields = _json_fields(text)
        data = bytes_in(fields.pop("image").encode(errors="replace"))
        if data is None:
            raise RejectedImage("not-base64")
        return data, fields
    data = bytes_in(text)
    return (data if data is not None and (format_of(data) or not data) else value), {}


def _json_fields(value: bytes) -> dict[str, str]:
    try:
        # Line breaks in a string are no JSON, but what base64 in lines has.
        record = json.loads(value, strict=False)
    except (ValueError, RecursionError) as error:
        raise RejectedImage("not-json") from error
    if not isinstance(record, dict):
        raise RejectedImage("not-object")
    if record.get("image") is None:
        raise RejectedImage("missing-field:image")
    fields = {name: record[name] for name in ("filename", "plant", "disease", "image") if record.get(name) is not None}
    for name, text in fields.items():
        if not isinstance(text, str):
            raise RejectedImage(f"wrong-type:{name}")
    return fields


def large_folder() -> Path:
    """Return where images too large for a message lie: in the store, or in ARUS_HOME where that is a URI."""
    return (home.local_store() or home.home()) / "storage" / "large"


def store_large(data: bytes, digest: str) -> str:
    """Keep the bytes under their SHA-256, whole or not at all; return that name."""
    folder = large_folder()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / digest).exists():
        temporary = folder / f".{digest}.{os.getpid()}"
        temporary.write_bytes(data)
        temporary.replace(folder / digest)
    return digest


def read_large(folder: Path, name: str) -> bytes:
    """Return the bytes kept under a name; raise RejectedImage where the name is none, or they are gone or others."""
    if not LARGE_NAME.fullmatch(name):
        raise RejectedImage("wrong-reference")
    try:
        with (folder / name).open("rb") as file:
            data = file.read(MAX_LARGE_BYTES + 1)
    except OSError as error:
        raise RejectedImage("lost-reference") from error
    if len(data) > MAX_LARGE_BYTES:
        raise RejectedImage("oversize")
    if hashlib.sha256(data).hexdigest() != name:
        raise RejectedImage("lost-reference")
    return data
