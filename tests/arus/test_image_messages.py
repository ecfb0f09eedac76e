import base64
import hashlib
import json
from pathlib import Path

import pytest

from arus.image_headers import RejectedImage
from arus.image_messages import MAX_INLINE_BYTES, ImageMessage, large_folder, pack, unpack
from tests.arus.image_samples import jpeg

DATA = jpeg()
IMAGE = ImageMessage("a%20b é.jpg", "tea", "leaf_spot", DATA)
TEXT = base64.b64encode(DATA)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARUS_HOME", str(tmp_path))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    return tmp_path


def unpacked(value: bytes | None, headers: dict[str, bytes] | None = None, key: bytes | None = None) -> ImageMessage:
    return unpack(key, value, headers or {}, large_folder())


def reason(value: bytes | None, headers: dict[str, bytes] | None = None) -> str:
    with pytest.raises(RejectedImage) as rejected:
        unpacked(value, headers)
    return rejected.value.reason


@pytest.mark.parametrize("encoding", ["raw", "base64", "json"])
@pytest.mark.parametrize("max_bytes", [MAX_INLINE_BYTES, 100])
def test_every_form_comes_out_as_it_went_in(encoding: str, max_bytes: int) -> None:
    value, headers = pack(IMAGE, encoding, max_bytes)
    assert len(value) <= max_bytes
    assert unpacked(value, dict(headers)) == IMAGE


def test_raw_bytes_are_the_value_and_the_headers_say_the_rest() -> None:
    value, headers = pack(IMAGE, "raw")
    digest = hashlib.sha256(DATA).hexdigest().encode()
    assert value == DATA
    assert headers == [
        ("plant", b"tea"),
        ("disease", b"leaf_spot"),
        ("filename", "a%20b é.jpg".encode()),
        ("content-type", b"image/jpeg"),
        ("sha256", digest),
    ]


def test_the_other_forms_are_those_of_simple_producers() -> None:
    assert pack(IMAGE, "base64")[0] == TEXT
    fields = {"filename": "a%20b é.jpg", "plant": "tea", "disease": "leaf_spot", "image": TEXT.decode()}
    assert json.loads(pack(IMAGE, "json")[0]) == fields


def test_a_large_image_goes_by_reference(home: Path) -> None:
    value, headers = pack(IMAGE, "raw", max_bytes=len(DATA) - 1)
    digest = hashlib.sha256(DATA).hexdigest()
    assert (value, dict(headers)["file"]) == (b"", digest.encode())
    assert [path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()] == [
        f"storage/large/{digest}"
    ]


def test_messages_without_headers_are_understood() -> None:
    named = ImageMessage("leaf.jpg", "", "", DATA)
    lines = b"\n".join(TEXT[at : at + 76] for at in range(0, len(TEXT), 76)) + b"\n"
    for value in (DATA, TEXT, lines, b"data:image/jpeg;base64," + TEXT):
        assert unpacked(value, key=b"leaf.jpg") == named
    assert unpacked(json.dumps({"image": TEXT.decode(), "extra": 1}).encode(), key=b"leaf.jpg") == named


def test_what_is_no_image_is_handed_on_as_it_is() -> None:
    assert unpacked(b"plain text").data == b"plain text"
    assert unpacked(b"QUJD").data == b"QUJD"


def test_names_are_fit_to_be_shown() -> None:
    found = unpacked(DATA, {"filename": b"../\xff\x1b[2J.jpg", "plant": b"a/b", "disease": b""})
    assert (found.filename, found.plant, found.disease) == ("\ufffd%1B[2J.jpg", "b", "")


@pytest.mark.parametrize(
    ("value", "headers", "code"),
    [
        (None, {}, "null-value"),
        (b"", {}, "empty"),
        (b"{", {}, "not-json"),
        (b'{"image":' + b"[" * 100_000, {}, "not-json"),
        (b"{}", {}, "missing-field:image"),
        (b'{"image":null}', {}, "missing-field:image"),
        (b'{"image":7}', {}, "wrong-type:image"),
        (b'{"image":"QUJD","plant":[1]}', {}, "wrong-type:plant"),
        (b'{"image":"?"}', {}, "not-base64"),
        (b'{"image":"\\ud800"}', {}, "not-base64"),
        (b'{"image":""}', {}, "empty"),
        (DATA, {"sha256": b"0" * 64}, "wrong-sha256"),
        (b"", {"file": b"../../etc/passwd"}, "wrong-reference"),
        (b"", {"file": b"/etc/passwd"}, "wrong-reference"),
        (b"", {"file": b"\xff"}, "wrong-reference"),
        (None, {"file": b"0" * 64}, "lost-reference"),
    ],
)
def test_an_unusable_message_has_its_reason(value: bytes | None, headers: dict[str, bytes], code: str) -> None:
    assert reason(value, headers) == code


def test_a_large_file_that_changed_is_not_used() -> None:
    _, headers = pack(IMAGE, "raw", max_bytes=0)
    (path,) = large_folder().iterdir()
    path.write_bytes(jpeg(seed=2))
    assert reason(b"", dict(headers)) == "lost-reference"
