"""Masters that answer, that do not, and that cannot be."""

import socket

import pytest

from arus.errors import ArusError
from arus.local import master


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARUS_PATIENCE_SECONDS", "0.1")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--master", "spark://a:7077"], "spark://a:7077"),
        (["--master=local[3,4]"], "local[3,4]"),
        (["--conf", "spark.master=spark://b:1"], "spark://b:1"),
        (["--conf", "spark.master=spark://b:1", "--master", "yarn"], "yarn"),
        (["--master", "yarn", "--conf", "spark.master=spark://b:1"], "yarn"),
        (["-c", "spark.master=spark://b:1", "--conf", "spark.master=local"], "local"),
        (["--driver-memory", "1g"], None),
        (["--master"], ""),
    ],
)
def test_the_master_is_found_among_the_options(options: list[str], found: str | None) -> None:
    assert master.chosen(options) == found


def test_a_name_as_the_readme_has_it_is_told_at_once_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARUS_PATIENCE_SECONDS", "60")
    with pytest.raises(ArusError, match=r"no Spark master answers at \S+ \(nobody knows the name HOST\.invalid\)"):
        master.await_master("spark://HOST.invalid:7077")


def test_a_port_that_nobody_serves_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(
        ArusError, match=rf"no Spark master answers at spark://127\.0\.0\.1:{port} \(Connection refused"
    ):
        master.await_master(f"spark://127.0.0.1:{port}")


def test_one_of_several_masters_is_enough_and_other_kinds_are_left_to_spark() -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        master.await_master(f"spark://HOST.invalid:7077,127.0.0.1:{there.getsockname()[1]}")
    for other in ("yarn", "k8s://https://nowhere.invalid", "local[4]"):
        master.await_master(other)


@pytest.mark.parametrize("wrong", ["spark://", "spark://host", "spark://host:port", "spark://host:99999999"])
def test_what_is_no_address_is_told(wrong: str) -> None:
    with pytest.raises(ArusError, match="is not HOST:PORT"):
        master.await_master(wrong)
