"""The fields that files may come in, and what is made of the names that they come with."""

import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from multipart import MultipartSegment

from server.form_parts import filename_of, is_file
from tests.server.uploading import BOUNDARY, body, part, post

FIELDS = (
    *("file", "image", "images", "files", "file[]", "files[]", "image[]", "images[0]", "photo", "upload"),
    *("photos[]", "picture", "uploads", "File", "IMAGE"),
)


def refused(client: FlaskClient, sent: bytes) -> list[tuple[str, str]]:
    """Return field and file name of each file of a form of files that are no images."""
    response = post(client, sent)
    found: Any = response.json
    assert response.status_code == 415, response.text
    return [(error["field"], error["filename"]) for error in found["errors"]]


def named(disposition: bytes) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; ".encode()
    return body(head + disposition + b"\r\n\r\nx\r\n")


@pytest.mark.parametrize("field", FIELDS)
def test_files_are_taken_from_the_usual_fields(client: FlaskClient, field: str) -> None:
    assert refused(client, body(part(b"x", "a.jpg", field))) == [(field, "a.jpg")]


def test_files_of_several_fields_keep_their_order(client: FlaskClient) -> None:
    parts = [part(b"x", f"{place}.jpg", field) for place, field in enumerate(FIELDS)]
    assert refused(client, body(*parts)) == [(field, f"{place}.jpg") for place, field in enumerate(FIELDS)]


@pytest.mark.parametrize("field", ["", "filename", "fileX", "my file", "imagesss", "image[a]", "files[][]", "f[0]"])
def test_other_fields_hold_no_file(client: FlaskClient, field: str) -> None:
    assert post(client, body(part(b"x", "a.jpg", field))).status_code == 422


def test_the_button_of_a_form_is_no_file(client: FlaskClient) -> None:
    sent = body(part(b"Upload & Resize", None, "upload"), part(b"x", "a.jpg"))
    assert refused(client, sent) == [("file", "a.jpg")]


NAMES = [
    (b"filename*=UTF-8''my%20leaf.jpg", "my leaf.jpg"),
    (b"filename*=utf-8'en'%E8%91%89.jpg", "\u8449.jpg"),
    (b"filename*=iso-8859-1''d%E5%FCn.jpg", "d\u00e5\u00fcn.jpg"),
    (b"filename*=\"UTF-8''a%20b.jpg\"", "a b.jpg"),
    (b"FileName* = UTF-8''a.jpg", "a.jpg"),
    (b"filename*=UTF-8''a%3Bb%22.jpg", 'a;b".jpg'),
    (b"filename*=UTF-8''\xe8\x91\x89.jpg", "\u8449.jpg"),
    # It wins, wherever it stands.
    (b"filename=\"b.jpg\"; filename*=UTF-8''a.jpg", "a.jpg"),
    (b"filename*=UTF-8''a.jpg; filename=\"b.jpg\"", "a.jpg"),
    (b"filename=b.jpg; filename*=UTF-8''a.jpg", "a.jpg"),
    # One that is none, or within another's quotes, counts for nothing.
    (b"filename=\"b.jpg\"; filename*=UTF-7''a.jpg", "b.jpg"),
    (b'filename="b.jpg"; filename*=a.jpg', "b.jpg"),
    (b"filename=\"b.jpg\"; filename*=UTF-8''", "b.jpg"),
    (b"filename=\"b; filename*=UTF-8''a.jpg\"", "b; filename*=UTF-8''a.jpg"),
    (b"filename*=a.jpg", "unnamed"),
    (b"filename*", "unnamed"),
    (b"filename*=", "unnamed"),
    # Broken escapes, and names that would be paths.
    (b"filename*=UTF-8''a%.jpg", "a%.jpg"),
    (b"filename*=UTF-8''a%E8%9.jpg", "a\ufffd%9.jpg"),
    (b"filename*=UTF-8''%FF%FE", "\ufffd\ufffd"),
    (b"filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", "passwd"),
    (b"filename*=UTF-8''C%3A%5Cphotos%5Cleaf.jpg", "leaf.jpg"),
    (b"filename*=UTF-8''%00%0A.jpg", "%00%0A.jpg"),
    (b"filename*=UTF-8''%2E%2E", "unnamed"),
    (b'filename="a%20b.jpg"', "a%20b.jpg"),
    (b'filename="\xe8\x91\x89.jpg"', "\u8449.jpg"),
]


@pytest.mark.parametrize(("disposition", "shown"), NAMES, ids=range(len(NAMES)))
@pytest.mark.parametrize("name_first", [True, False])
def test_a_name_is_read_as_it_was_meant(client: FlaskClient, disposition: bytes, shown: str, name_first: bool) -> None:
    both = [b'name="files[]"', disposition]
    sent = named(b"; ".join(both if name_first else both[::-1]))
    assert refused(client, sent) == [("files[]", shown)]


def test_a_long_header_takes_no_time() -> None:
    began = time.perf_counter()
    for piece in ("; a", "; a=", ';a="', ';a="\\', "; ", '; filename*="', ";filename*=UTF-8''", "%", "[", "'"):
        disposition = f'form-data; name="file"; {piece * (16_000 // len(piece))}'
        segment = MultipartSegment([("Content-Disposition", disposition)])
        assert is_file(segment)
        filename_of(segment)
    assert time.perf_counter() - began < 2
