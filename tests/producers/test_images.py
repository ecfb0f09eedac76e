import contextlib
import hashlib
import itertools
import json
import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest

from arus.errors import ArusError
from arus.image_folders import class_of
from arus.image_messages import ImageMessage, unpack
from arus.schemas import IMAGE_STREAM
from producers import images_data
from producers.image_files import Dataset
from producers.image_manifest import Manifest
from producers.image_saving import Saving
from producers.images import parse, source, total
from tests.arus.image_samples import jpeg, opened, picture, saved
from tests.conftest import Broker
from tests.producers.test_producers_e2e import counts, end_offsets, outcome, producer, wait_until

NAMES = (
    "leaf.jpg", "my leaf.jpg", "a%20b.jpg", "what?.jpg", "this&that.jpg", "dåün 葉 🍃.jpg", "leaf.png.jpg", "leaf.gif",
    "LEAF.JPG", "no extension", "-rf.jpg", "'quoted\".jpg", "trailing .jpg", "new\nline.jpg",
)  # fmt: skip


def dataset(folder: Path, files: dict[str, bytes]) -> Dataset:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return Dataset(folder)


def test_files_of_any_name_come_with_plant_and_disease(tmp_path: Path) -> None:
    files = {f"train/tea/rust/{name}": jpeg(20, number) for number, name in enumerate(NAMES)}
    found = dataset(tmp_path, files)
    images = {image.filename: image for image in found.images()}
    assert set(images) == {name.replace("\n", "%0A") for name in NAMES}
    assert {(image.plant, image.disease) for image in images.values()} == {("tea", "rust")}
    assert {image.data for image in images.values()} == set(files.values())
    assert (found.total, found.skipped) == (len(NAMES), 0)


def test_a_name_that_is_no_utf8_is_read_and_shown(tmp_path: Path) -> None:
    dataset(tmp_path, {"train/tea/rust/a.jpg": jpeg()})
    raw = os.fsencode(tmp_path / "train/tea/rust") + b"/bad\xff\xfe.jpg"
    try:
        with open(raw, "wb") as file:  # noqa: PTH123
            file.write(jpeg(20))
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    assert [image.filename for image in Dataset(tmp_path).images()] == ["a.jpg", "bad%FF%FE.jpg"]


def test_folders_are_walked_to_any_depth_in_order_of_their_names(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 300)
    names = ["a.jpg", "tea/b.jpg", "tea/rust/c.jpg", f"tea/rust/{deep}/e.jpg", "tea/rust/z.jpg", "rice/rust/x/f.jpg"]
    found = [
        (image.plant, image.disease, image.filename)
        for image in dataset(tmp_path, {f"train/{name}": jpeg() for name in names}).images()
    ]
    assert found == [
        ("", "", "a.jpg"),
        ("rice", "rust", "f.jpg"),
        ("tea", "", "b.jpg"),
        ("tea", "rust", "c.jpg"),
        ("tea", "rust", "e.jpg"),
        ("tea", "rust", "z.jpg"),
    ]


def test_only_train_is_sent_where_it_is_there(tmp_path: Path) -> None:
    beside = dataset(tmp_path / "one", {"train/tea/rust/a.jpg": jpeg(), "test/tea/rust/b.jpg": jpeg()})
    itself = dataset(tmp_path / "two", {"tea/rust/a.jpg": jpeg(), "rice/rust/b.jpg": jpeg()})
    assert [image.filename for image in beside.images()] == ["a.jpg"]
    assert [image.filename for image in itself.images()] == ["b.jpg", "a.jpg"]


@pytest.mark.parametrize(
    ("folders", "plant", "disease"),
    [
        ("Apple___Black_rot", "Apple", "Black_rot"),
        ("PlantVillage/Potato___healthy", "Potato", "healthy"),
        ("plantvillage dataset/color/Tomato___Early_blight", "Tomato", "Early_blight"),
        ("PlantVillage/Tomato_Early_blight", "Tomato", "Early_blight"),
        ("Tomato_healthy", "Tomato", "healthy"),
        ("Tomato_Leaf_Mold", "Tomato", "Leaf_Mold"),
        ("Tomato_Septoria_leaf_spot", "Tomato", "Septoria_leaf_spot"),
        ("Tomato__Target_Spot", "Tomato", "Target_Spot"),
        ("Tomato__Tomato_YellowLeaf__Curl_Virus", "Tomato", "Tomato_YellowLeaf__Curl_Virus"),
        ("Pepper__bell___Bacterial_spot", "Pepper__bell", "Bacterial_spot"),
        ("Pepper,_bell___healthy", "Pepper,_bell", "healthy"),
        ("segmented/Corn_(maize)___Common_rust_", "Corn_(maize)", "Common_rust"),
        ("Cherry_(including_sour)___Powdery_mildew", "Cherry_(including_sour)", "Powdery_mildew"),
        ("Corn_(maize)_healthy", "Corn_(maize)", "healthy"),
        ("hibiscus___rust", "hibiscus", "rust"),
        ("PlantDoc-Dataset/train/Tomato leaf yellow virus", "Tomato", "yellow virus"),
        ("Apple Scab Leaf", "Apple", "Scab"),
        ("Apple leaf", "Apple", "healthy"),
        ("test/Corn rust leaf", "Corn", "rust"),
        ("Corn leaf blight", "Corn", "leaf blight"),
        ("Corn Gray leaf spot", "Corn", "Gray leaf spot"),
        ("Bell_pepper leaf", "Bell_pepper", "healthy"),
        ("Bell_pepper leaf spot", "Bell_pepper", "leaf spot"),
        ("grape leaf black rot", "grape", "black rot"),
        ("Potato leaf early blight", "Potato", "early blight"),
        ("Soyabean leaf", "Soyabean", "healthy"),
        ("Squash Powdery mildew leaf", "Squash", "Powdery mildew"),
        ("Tomato Early blight leaf", "Tomato", "Early blight"),
        ("Tomato mold leaf", "Tomato", "mold"),
        ("Tomato two spotted spider mites leaf", "Tomato", "two spotted spider mites"),
        ("Peach leaf", "Peach", "healthy"),
        ("my pictures/Tomato_Early_blight", "Tomato", "Early_blight"),
        ("PlantVillage/Background_without_leaves", "", "Background_without_leaves"),
        ("segmented/Background_without_leaves", "", "Background_without_leaves"),
        ("Pepper__bell_healthy", "Pepper__bell", "healthy"),
        ("Corn_Common_rust_", "Corn", "Common_rust"),
        ("Leaf rust", "", "Leaf rust"),
        ("PlantVillage", "", ""),
        ("tea", "tea", ""),
        ("PlantVillage/Tomato", "Tomato", ""),
        ("tea/rust/2024/may", "tea", "rust"),
        ("hibiscus/rust", "hibiscus", "rust"),
        ("color/Tomato/Tomato_mosaic_virus", "Tomato", "Tomato_mosaic_virus"),
        ("Corn_(maize)/Common_rust", "Corn_(maize)", "Common_rust"),
        ("potato_field_2/rust", "potato_field_2", "rust"),
        ("beanstalk_rust", "", "beanstalk_rust"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_folders_name_plant_and_disease(folders: str, plant: str, disease: str) -> None:
    assert class_of(tuple(filter(None, folders.split("/")))) == (plant, disease)


def test_a_folder_of_every_drawn_plant_is_known_as_one() -> None:
    plants = list(images_data.LEAVES)
    assert [class_of((plant,)) for plant in plants] == [(plant, "") for plant in plants]


def test_what_is_no_image_is_skipped_and_counted_but_a_broken_one_is_sent(tmp_path: Path) -> None:
    found = dataset(
        tmp_path,
        {
            "labels.csv": b"a,b",
            "t/r/.hidden.jpg": jpeg(),
            "t/r/broken.jpg": b"",
            "t/r/readme": b"x",
            "t/r/cut.png": b"x",
        },
    )
    (tmp_path / "t" / "loop").symlink_to(tmp_path)
    assert [image.filename for image in found.images()] == ["broken.jpg", "cut.png"]
    assert (found.total, found.skipped) == (4, 2)


def test_a_missing_or_empty_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ArusError, match=f"no such folder: {tmp_path}/none; give the one that has train/"):
        Dataset(tmp_path / "none")
    with pytest.raises(ArusError, match="has no files: --dataset takes train/<plant>/<disease>/<images>"):
        Dataset(tmp_path)


def test_a_folder_that_cannot_be_looked_into_is_one_line(tmp_path: Path) -> None:
    too_long = tmp_path / ("x" * 300)
    with pytest.raises(ArusError, match="cannot be read: File name too long"):
        Dataset(too_long)


def listed(*argv: str, files: Dataset | None = None) -> tuple[list[ImageMessage], int | None]:
    options = parse(["--seed", "1", *argv])
    return list(itertools.islice(source(options, files), 1000)), total(options, files)


def test_a_folder_is_sent_once_or_in_rounds_and_no_more_than_count(tmp_path: Path) -> None:
    files = dataset(tmp_path, {f"tea/rust/{n}.jpg": jpeg() for n in range(5)})
    assert [(len(images), end) for images, end in (
        listed(files=files), listed("--count", "3", files=files), listed("--count", "9", files=files),
        listed("--loop", files=files), listed("--loop", "--count", "12", files=files),
    )] == [(5, 5), (3, 3), (5, 5), (1000, None), (12, 12)]  # fmt: skip


def test_without_a_folder_a_small_set_is_drawn() -> None:
    images, end = listed()
    assert (len(images), end) == (680, 680)
    assert images == list(itertools.islice(images_data.pictures(1), 680))
    assert [total(parse(argv), None) for argv in (["--loop"], ["--count", "9"])] == [None, 9]


def test_a_manifest_accounts_for_every_class(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "run" / "m.json")
    data = [b"one", b"two", b"two"]
    for each in data:
        manifest.add(ImageMessage("a.jpg", "tea", "rust", each))
    manifest.add(ImageMessage("b.jpg", "rice", "blight", b"three"))
    manifest.write(confirmed=3, is_complete=False)
    account = json.loads((tmp_path / "run" / "m.json").read_text())
    digest = hashlib.sha256(b"".join(sorted(hashlib.sha256(each).digest() for each in data))).hexdigest()
    other = hashlib.sha256(hashlib.sha256(b"three").digest()).hexdigest()
    assert {name: account[name] for name in account if name not in ("started", "written")} == {
        "complete": False,
        "sent": 4,
        "confirmed": 3,
        "bytes": 14,
        "classes": [
            {"plant": "rice", "disease": "blight", "count": 1, "bytes": 5, "sha256": other},
            {"plant": "tea", "disease": "rust", "count": 3, "bytes": 9, "sha256": digest},
        ],
    }
    assert account["started"] <= account["written"]
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["m.json"]


def lightened(
    image: ImageMessage, quality: int | None = None, max_side: int | None = None
) -> tuple[ImageMessage, Saving]:
    saving = Saving(quality, max_side)
    return saving.lighten(image), saving


def test_compressing_makes_a_jpeg_file_and_reports_what_it_saved() -> None:
    image = ImageMessage("leaf.png", "tea", "rust", saved(picture(300), "PNG"))
    made, saving = lightened(image, 50, None)
    assert (made.filename, made.plant, opened(made.data).format, opened(made.data).size) == (
        "leaf.jpg", "tea", "JPEG", (300, 300),
    )  # fmt: skip
    assert (saving.count, saving.before, saving.after) == (1, len(image.data), len(made.data))
    assert saving.summary().startswith("made 1 image lighter: 0.1 MB to 0.0 MB, ")


def test_scaling_down_keeps_format_name_and_proportions() -> None:
    image = ImageMessage("leaf.png", "tea", "rust", saved(picture(400).resize((400, 200)), "PNG"))
    made, _ = lightened(image, None, 100)
    assert (made.filename, opened(made.data).format, opened(made.data).size) == ("leaf.png", "PNG", (100, 50))


@pytest.mark.parametrize(
    "data",
    [b"", b"no image", jpeg()[:300], saved(picture(60), "JPEG", quality=20)],
    ids=["empty", "text", "cut", "light"],
)
def test_what_cannot_be_made_lighter_is_sent_as_it_is(data: bytes) -> None:
    image = ImageMessage("leaf.jpg", "tea", "rust", data)
    made, saving = lightened(image, 90, 60)
    assert (made, saving.count) == (image, 0)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--compress", "0"], "at least 1"),
        (["--compress", "101"], "not a quality from 1 to 100"),
        (["--encoding", "xml"], "invalid choice: 'xml'"),
        (["--max-bytes", "2000000"], "more than the 1000000 that Kafka takes"),
        (["--max-side", "0"], "at least 1"),
    ],
)
def test_a_wrong_option_is_named(argv: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(argv)
    assert said in capsys.readouterr().err


def received(broker: Broker, since: dict[int, int]) -> list[Any]:
    """Return every record of the topic after these offsets."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=broker.address)
    records: list[Any] = []
    with contextlib.closing(consumer):
        for number, end in end_offsets(broker, IMAGE_STREAM).items():
            part = TopicPartition(IMAGE_STREAM, number)
            consumer.assign([part])
            consumer.seek(part, since.get(number, 0))
            while consumer.position(part) < end:
                records += consumer.poll(timeout_ms=500).get(part, [])
    return records


@pytest.mark.e2e
@pytest.mark.parametrize("encoding", ["raw", "json"])
def test_every_file_of_a_folder_arrives_and_is_accounted_for(broker: Broker, tmp_path: Path, encoding: str) -> None:
    large = random.Random(1).randbytes(1_500_000)
    files = {f"train/tea/rust/{name}": jpeg(20, number) for number, name in enumerate(NAMES)}
    dataset(tmp_path, {**files, "train/rice/blight/large.jpg": large, "labels.csv": b"", "train/a.txt": b"x"})
    before = end_offsets(broker, IMAGE_STREAM)
    with producer(broker, "images", "--dataset", str(tmp_path), "--encoding", encoding) as running:
        code, out, err = outcome(running)
    account = json.loads((broker.home / "run" / "images.manifest.json").read_text())
    folder = broker.home / "storage" / "large"
    records = received(broker, before)
    images = [unpack(record.key, record.value, dict(record.headers), folder) for record in records]
    assert (code, counts(out)) == (0, (15, 15, 0)), err
    assert "15 images, 1.5 MB: " in out
    assert "1 file skipped" in out
    assert sorted(image.data for image in images) == sorted([*files.values(), large])
    assert [record.key.decode() for record in records] == [image.filename for image in images]
    assert {image.plant for image in images if len(image.data) > 1_000_000} == {"rice"}
    assert (account["sent"], account["confirmed"], account["complete"]) == (15, 15, True)
    assert [each["count"] for each in account["classes"]] == [1, 14]


@pytest.mark.e2e
def test_the_manifest_of_an_interrupted_run_is_of_what_arrived(broker: Broker, tmp_path: Path) -> None:
    before = end_offsets(broker, IMAGE_STREAM)
    path = tmp_path / "manifest.json"
    with producer(broker, "images", "--loop", "--rate", "100", "--seed", "1", "--manifest", str(path)) as running:
        wait_until(lambda: sum(end_offsets(broker, IMAGE_STREAM).values()) > sum(before.values()) + 20)
        running.send_signal(signal.SIGINT)
        code, out, err = outcome(running)
    account = json.loads(path.read_text())
    digests = [hashlib.sha256(record.value).hexdigest() for record in received(broker, before)]
    expected = itertools.islice(images_data.pictures(1), account["sent"])
    assert (code, account["complete"]) == (0, True), err
    assert counts(out) == (account["sent"], account["sent"], 0)
    assert sorted(digests) == sorted(hashlib.sha256(image.data).hexdigest() for image in expected)
