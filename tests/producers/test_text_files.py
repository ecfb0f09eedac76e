import gzip
import io
import random
import re
import zipfile
from pathlib import Path

import pytest

from arus.errors import ArusError
from producers import text_files
from producers.text_files import encoding_of, open_text

TEXT = "Invoice;Prix\r\nCAFÉ £5;1\r\n"


def zipped(*names: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return data.getvalue()


def text_of(path: Path) -> str:
    with open_text(path, encoding_of(path)) as text:
        return text.read()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        (TEXT.encode(), "utf-8", TEXT),
        (TEXT.encode("utf-8-sig"), "utf-8-sig", TEXT),
        (TEXT.encode("utf-16"), "utf-16", TEXT),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-16", TEXT),
        (TEXT.encode("utf-16-le"), "utf-16-le", TEXT),
        (TEXT.encode("utf-16-be"), "utf-16-be", TEXT),
        (TEXT.encode("iso-8859-1"), "iso-8859-1", TEXT),
        ("5€ “É”".encode("cp1252"), "windows-1252", "5€ “É”"),
        (b"5\x80 \x81\xe9", "windows-1252", "5€ \ufffdé"),
        (b"", "utf-8", ""),
    ],
)
def test_the_encoding_shows_in_the_bytes_whatever_the_files_name(
    tmp_path: Path, pack: type[bytes], data: bytes, encoding: str, text: str
) -> None:
    path = tmp_path / "rows.txt"
    path.write_bytes(pack(data))
    assert (encoding_of(path), text_of(path)) == (encoding, text)


@pytest.mark.parametrize(("last", "encoding"), [(b"\xe9", "iso-8859-1"), (b"\x80", "windows-1252")])
def test_the_last_byte_of_a_large_file_counts(tmp_path: Path, last: bytes, encoding: str) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"x" * (text_files.CHUNK_BYTES + 7) + last)
    assert encoding_of(path) == encoding


def test_a_character_may_lie_across_two_chunks(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"x" * (text_files.CHUNK_BYTES - 1) + "É".encode())
    assert encoding_of(path) == "utf-8"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (zipped("docProps/app.xml", "xl/workbook.xml"), "a spreadsheet: save it as CSV"),
        (zipped("mimetype", "content.xml"), "a spreadsheet: save it as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "a spreadsheet: save it as CSV"),
        (zipped("online_retail.csv"), "a zip archive: unpack it"),
        (b"PK\x03\x04 and no more", "a zip archive: unpack it"),
        (b"PAR1\x15\x04", "a Parquet file: write its rows as CSV"),
        (b"%PDF-1.7", "a PDF document: get its rows as CSV"),
        (b"\n <!DOCTYPE html><html>", "an HTML or XML page: get its rows as CSV"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>', "an HTML or XML page: get its rows as CSV"),
        (b'{"InvoiceNo": "1"}', "JSON: write its rows as CSV"),
        (b'[{"InvoiceNo": "1"}]', "JSON: write its rows as CSV"),
        (b"BZh91AY", "packed as bz2: unpack it, or pack it as gz"),
    ],
)
def test_another_kind_is_named(
    tmp_path: Path,
    pack: type[bytes],
    data: bytes,
    kind: str,
) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(pack(data))
    with pytest.raises(ArusError, match=f"{re.escape(f'{path} is {kind}')}$"):
        encoding_of(path)


PACKED = gzip.compress(random.Random(1).randbytes(5000).hex().encode(), mtime=0)


@pytest.mark.parametrize("cut", [-4, 1000, 5])
def test_a_gz_file_without_its_end_is_named(tmp_path: Path, cut: int) -> None:
    (tmp_path / "rows.csv.gz").write_bytes(PACKED[:cut])
    with pytest.raises(ArusError, match=r"gz is a gz file without its end: fetch or pack it again"):
        encoding_of(tmp_path / "rows.csv.gz")


@pytest.mark.parametrize(
    "data",
    [
        PACKED[:1000] + bytes(2000) + PACKED[3000:],
        PACKED + b"more",
        PACKED[:10] + b"\xff" * 99,
        b"\x1f\x8b no gz at all",
    ],
)
def test_a_damaged_gz_file_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "rows.csv.gz").write_bytes(data)
    with pytest.raises(ArusError, match=r"gz is a damaged gz file: fetch or pack it again"):
        encoding_of(tmp_path / "rows.csv.gz")


@pytest.mark.parametrize("data", [TEXT.encode("utf-16")[:-1], TEXT.encode("utf-8-sig") + b"\xff"])
def test_a_file_that_does_not_go_on_as_it_begins_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "rows.csv").write_bytes(data)
    with pytest.raises(
        ArusError,
        match=r"rows\.csv begins as utf-(8|16).*, but goes on otherwise: save it as UTF-8",
    ):
        text_of(tmp_path / "rows.csv")


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArusError, match=re.escape(f"no such file: {tmp_path / 'none.csv'}")):
        encoding_of(tmp_path / "none.csv")
    with pytest.raises(ArusError, match="cannot be read: Is a directory"):
        encoding_of(tmp_path)
    with pytest.raises(ArusError, match=r"null is a pipe or a device: save it as a file first"):
        encoding_of(Path("/dev/null"))
