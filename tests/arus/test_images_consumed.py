"""`python -m arus images consumed`: what it says of the streamed images, and of what became of those sent."""

import re
from datetime import timedelta
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from arus import image_stored, images
from arus.image_messages import ImageMessage
from producers.image_manifest import Manifest
from tests.arus import image_rows
from tests.arus.delta_tables import append, at
from tests.arus.image_rows import row_of
from tests.arus.image_samples import jpeg, opened, picture, saved

SENT = [
    ImageMessage("a.jpg", "tea", "rust", jpeg(96, 1)),
    ImageMessage("b.jpg", "tea", "rust", jpeg(96, 2)),
    ImageMessage("c d%20.png", "rice", "blight", jpeg(64, 3)),
    ImageMessage("a again.jpg", "tea", "rust", jpeg(96, 1)),
    ImageMessage("cut.jpg", "tea", "rust", jpeg(96, 4)[:400]),
    ImageMessage("near.jpg", "", "", saved(picture(96, 2), "JPEG", quality=60)),
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, with a space in its path."""
    folder = tmp_path / "arus home"
    monkeypatch.setenv("ARUS_HOME", str(folder))
    monkeypatch.delenv("ARUS_STORE", raising=False)
    return folder


def said(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert images.main(argv) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return str(out)


def manifest(home: Path, sent: list[ImageMessage], is_complete: bool = True) -> None:
    """Write what a producer that sent these would have written, from 03:04:00 to 03:04:30."""
    made = Manifest(home / "run" / "images.manifest.json")
    for image in sent:
        made.add(image)
    made.write(len(sent), is_complete)
    path = home / "run" / "images.manifest.json"
    times = {"started": at(0), "written": at(30)}
    text = path.read_text()
    for name, time in times.items():
        text = re.sub(f'"{name}": "[^"]*"', f'"{name}": "{time.isoformat()}"', text)
    path.write_text(text)


def table() -> ds.Dataset:
    found = images.opened("images")
    assert found
    return found


def test_without_a_table_one_line_says_how_to_fill_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = (
        f"no images in {home}/tables/images yet: send some with `.venv/bin/python -m producers.images`, "
        "and run `./spark-submit.sh image_analytics`\n"
    )
    assert said(["consumed"], capsys) == line
    assert not home.exists()
    append(home, "images", [])
    assert said(["consumed"], capsys) == line


def test_what_was_streamed_is_told_in_tables_and_the_latest_are_shown(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image_rows.fill(home, SENT)
    manifest(home, SENT)
    tea = sum(len(image.data) for image in SENT if image.plant and image.filename != "cut.jpg") - len(SENT[2].data)
    rice, near = len(SENT[2].data), len(SENT[5].data)
    expected = f"""\
format  images  mean size  mean bytes
JPEG         5      90x90{(tea + rice + near) / 5:>12,.0f}

plant  images  mean size  mean bytes
tea         3      96x96{tea / 3:>12,.0f}
-           1      96x96{near:>12,}
rice        1      64x64{rice:>12,}

disease  images  mean size  mean bytes
rust          3      96x96{tea / 3:>12,.0f}
-             1      96x96{near:>12,}
blight        1      64x64{rice:>12,}

plant  disease  images  mean size  mean bytes
-      -             1      96x96{near:>12,}
rice   blight        1      64x64{rice:>12,}
tea    rust          3      96x96{tea / 3:>12,.0f}

flag             images   share
blurry                5  100.0%
exact-duplicate       1   20.0%
near-duplicate        1   20.0%
wrong-extension       1   20.0%

2 images repeat 2 others, exactly or nearly; most often:
file   place             repeats
a.jpg  image-stream-0-0        1
b.jpg  image-stream-1-0        1

sent 6, stored 5, rejected 1: nothing is missing, and all 3 classes have the bytes that were sent

rejected for  images   share
truncated          1  100.0%

made {home}/images-consumed.png
"""
    assert said(["consumed", "--count", "4"], capsys) == expected
    assert opened((home / "images-consumed.png").read_bytes()).format == "PNG"
    assert sorted(path.name for path in home.iterdir()) == ["images-consumed.png", "rejects", "run", "tables"]


def test_the_latest_are_those_with_the_newest_time_from_whichever_file(home: Path) -> None:
    for second in (5, 9, 1, 7):
        append(home, "images", [row_of(SENT[0], second, at(second))[1], row_of(SENT[1], 20 + second, at(second))[1]])
    found = image_stored.read(table(), 3)
    assert found.latest == [("image-stream", 1, 14), ("image-stream", 1, 4), ("image-stream", 1, 13)]
    shown = image_stored.pictures(table(), found.latest)
    assert [each.lines[1] for each in shown] == ["b.jpg", "a.jpg", "b.jpg"]
    assert [opened(each.data).size for each in shown] == [(96, 96)] * 3
    assert found.rows == 8


def accounted(home: Path, capsys: pytest.CaptureFixture[str]) -> str:
    out = said(["consumed", "--png", str(home / "a.png")], capsys)
    return out[out.index("\nsent ") + 1 :].partition("\n\nmade")[0]


def test_what_is_missing_too_many_or_other_is_named_by_its_class(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = [ImageMessage("l.jpg", "maize", "rust", jpeg(20, n)) for n in range(1200)]
    other = ImageMessage("c.jpg", "rice", "blight", jpeg(64, 9))
    foreign = ImageMessage("f.jpg", "tea", "scab", jpeg(64, 10))
    manifest(home, [*SENT, *lost])
    image_rows.fill(home, [*SENT[:2], other, *SENT[3:], foreign])
    expected = """\
sent 1,206, stored 6, rejected 1: 1,200 missing: still on their way (`python -m arus status` says how far behind the \
job is), or lost; 1 too many: others sent images meanwhile, or this producer more than its manifest says; 1 class \
with other bytes than were sent

plant  disease  difference              sent  stored  rejected
maize  rust     1,200 missing          1,200       0         0
rice   blight   other bytes than sent      1       1         0
tea    scab     1 too many                 0       1         0

rejected for  images   share
truncated          1  100.0%"""
    assert accounted(home, capsys) == expected


def test_only_what_came_while_the_producer_ran_is_held_against_its_manifest(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times = [at(0) - timedelta(milliseconds=1), at(0), at(30), at(30) + timedelta(milliseconds=1)]
    append(home, "images", [row_of(SENT[0], number, time)[1] for number, time in enumerate(times)])
    append(home, "rejects/image_analytics", [row_of(SENT[4], 4 + n, time)[1] for n, time in enumerate(times)])
    twice = [SENT[0], SENT[0], SENT[4], SENT[4]]
    manifest(home, twice)
    assert accounted(home, capsys).splitlines()[0] == (
        "sent 4, stored 2, rejected 2: nothing is missing, and the one class has the bytes that were sent"
    )
    manifest(home, twice, is_complete=False)
    assert accounted(home, capsys).splitlines()[:3] == [
        "sent 4, stored 3, rejected 3: 2 too many: others sent images meanwhile, or this producer more than its "
        "manifest says",
        "",
        "the producer has not ended yet, or ended before Kafka had confirmed all: more was sent since",
    ]


def test_an_image_that_is_there_twice_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image_rows.fill(home, SENT[:2])
    append(home, "images", [row_of(SENT[0], 0, at(3))[1]])
    manifest(home, SENT[:3])
    assert accounted(home, capsys).splitlines()[0].endswith("; 1 stored or rejected twice")


def test_a_reject_without_headers_is_counted_where_nothing_is_known_of_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = ImageMessage("x", "", "", b"x")
    append(home, "rejects/image_analytics", [row_of(bare, 0, at(1))[1] | {"headers": None}])
    manifest(home, [bare])
    assert accounted(home, capsys).splitlines()[0] == (
        "sent 1, stored 0, rejected 1: nothing is missing, and the one class has the bytes that were sent"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "run/images.manifest.json: No such file or directory; the producer writes it on this machine"),
        ("{", "run/images.manifest.json is no manifest of producers.images (Expecting"),
        ("[]", "run/images.manifest.json is no manifest of producers.images (no manifest: TypeError"),
        ('{"classes": []}', "run/images.manifest.json is no manifest of producers.images (no manifest: KeyError"),
    ],
)
def test_without_a_manifest_one_line_says_so(
    home: Path, capsys: pytest.CaptureFixture[str], text: str | None, why: str
) -> None:
    image_rows.fill(home, SENT[:1])
    if text is not None:
        (home / "run").mkdir()
        (home / "run" / "images.manifest.json").write_text(text)
    assert f"\nwhat was sent is not known: {home}/{why}" in said(["consumed"], capsys)
