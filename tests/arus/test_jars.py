import hashlib
import re
from pathlib import Path

import pytest

from arus import jars
from arus.errors import ArusError

JARS = {"spark/a-1.0.jar": b"the a", "broker/b-2.0.jar": b"the b"}
SETTINGS = """<ivysettings><settings defaultResolver="here"/><resolvers>
<ibiblio name="here" m2compatible="true" root="{repository}/"/></resolvers></ivysettings>"""
POM = """<project><modelVersion>4.0.0</modelVersion>
<groupId>g</groupId><artifactId>{}</artifactId><version>{}</version></project>"""
IVY = """<ivy-module version="2.0"><info organisation="arus" module="arus"/>
<configurations><conf name="spark"/><conf name="broker"/></configurations><dependencies>
<dependency org="g" name="a" rev="1.0" conf="spark->default"/>
<dependency org="g" name="b" rev="2.0" conf="broker->default"/></dependencies></ivy-module>"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with two jars in place, and a Maven repository on disk from which Ivy can fetch them."""
    root = tmp_path / "a project"
    (root / "conf").mkdir(parents=True)
    repository = tmp_path / "repository"
    (root / "conf" / "ivysettings.xml").write_text(SETTINGS.format(repository=repository.as_uri()))
    (root / "conf" / "ivy.xml").write_text(IVY)
    for jar, content in JARS.items():
        name, version = Path(jar).stem.split("-")
        put(repository / "g" / name / version / f"{name}-{version}.jar", content)
        put(repository / "g" / name / version / f"{name}-{version}.pom", POM.format(name, version).encode())
        put(root / ".jars" / jar, content)
    lines = [f"{hashlib.sha256(content).hexdigest()}  {jar}" for jar, content in JARS.items()]
    (root / "conf" / "jars.sha256").write_text("\n".join(lines) + "\n")
    return root


def put(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def there(root: Path) -> dict[str, bytes]:
    found = [jar for name in jars.SETS for jar in (root / ".jars" / name).iterdir()]
    return {str(jar.relative_to(root / ".jars")): jar.read_bytes() for jar in found}


def forbid_ivy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "_run_ivy", lambda *_: pytest.fail("Ivy was run"))


def test_the_jars_in_place_have_no_problems(root: Path) -> None:
    assert jars.verify(root) == []


def test_missing_altered_and_unlisted_jars_are_each_named(root: Path) -> None:
    (root / ".jars/spark/a-1.0.jar").unlink()
    (root / ".jars/broker/b-2.0.jar").write_bytes(b"the B")
    (root / ".jars/broker/stranger.jar").write_bytes(b"")
    assert jars.verify(root) == [
        "spark/a-1.0.jar is missing",
        "broker/b-2.0.jar has another SHA-256 than conf/jars.sha256",
        "broker/stranger.jar is not in conf/jars.sha256",
    ]


def test_without_its_list_the_remedy_is_said(root: Path) -> None:
    (root / "conf" / "jars.sha256").unlink()
    with pytest.raises(ArusError, match="git checkout"):
        jars.verify(root)


def test_nothing_is_fetched_when_all_is_in_place(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid_ivy(monkeypatch)
    jars.fetch(root)
    assert there(root) == JARS


@pytest.mark.e2e
def test_whatever_is_wrong_is_made_right(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / ".jars/spark/a-1.0.jar").unlink()
    (root / ".jars/broker/b-2.0.jar").write_bytes(b"the B")
    (root / ".jars/broker/stranger.jar").write_bytes(b"")
    (root / ".jars/fetching-interrupted/spark").mkdir(parents=True)
    jars.fetch(root)
    said = r"jars: fetching the 2 of conf/ivy.xml\njars: fetched in \d+ s\n"
    assert re.fullmatch(said, capsys.readouterr().out)
    assert there(root) == JARS
    assert sorted(entry.name for entry in (root / ".jars").iterdir()) == ["broker", "cache", "lock", "spark"]


@pytest.mark.e2e
def test_a_jar_with_another_hash_than_listed_is_never_put_in_place(root: Path) -> None:
    (root / ".jars/spark/a-1.0.jar").unlink()
    altered = root.parent / "repository/g/a/1.0/a-1.0.jar"
    altered.write_bytes(b"not the a")
    with pytest.raises(ArusError, match=r"^spark/a-1\.0\.jar has another SHA-256 .*: run `make setup` again"):
        jars.fetch(root)
    assert there(root) == {"broker/b-2.0.jar": b"the b"}
    assert sorted(entry.name for entry in (root / ".jars").iterdir()) == ["broker", "lock", "spark"]
    altered.write_bytes(b"the a")
    jars.fetch(root)
    assert there(root) == JARS


@pytest.mark.e2e
def test_a_jar_that_cannot_be_had_is_named_in_one_line(root: Path) -> None:
    (root / ".jars/spark/a-1.0.jar").unlink()
    (root.parent / "repository/g/a/1.0/a-1.0.jar").unlink()
    (root.parent / "repository/g/a/1.0/a-1.0.pom").unlink()
    with pytest.raises(
        ArusError, match=r"could not be fetched \(.*g#a;1\.0.*\): check the network or proxy"
    ) as refused:
        jars.fetch(root)
    assert "\n" not in str(refused.value)


@pytest.mark.e2e
def test_lock_writes_the_hashes_of_what_came(root: Path) -> None:
    (root / "conf" / "jars.sha256").write_text("")
    jars.fetch(root, lock=True)
    lines = sorted(f"{hashlib.sha256(content).hexdigest()}  {jar}" for jar, content in JARS.items())
    assert sorted((root / "conf" / "jars.sha256").read_text().splitlines()) == lines
    assert jars.verify(root) == []
