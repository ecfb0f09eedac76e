from pathlib import Path

import pytest

from arus import java
from arus.errors import ArusError

ASKED = "#!/bin/sh\necho asked >> '{log}'\necho 'openjdk version \"{version}\" 2024-01-01' >&2\n"


def installed(folder: Path, version: str, release: bool = True, modules: str = "") -> Path:
    """Make a Java installation that notes every time it is run; return its executable."""
    executable = folder / "bin" / "java"
    executable.parent.mkdir(parents=True)
    executable.write_text(ASKED.format(log=folder / "asked", version=version))
    executable.chmod(0o755)
    if release:
        lines = [f'JAVA_VERSION="{version}"', *([f'MODULES="{modules}"'] if modules else [])]
        (folder / "release").write_text("\n".join(lines) + "\n")
    return executable


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr("sys.platform", "linux")


def on_path(monkeypatch: pytest.MonkeyPatch, executable: Path) -> None:
    monkeypatch.setenv("PATH", f"{executable.parent}:/bin:/usr/bin")


def test_java_on_the_path_is_found_without_running_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    executable = installed(tmp_path / "jdk 21", "21.0.4")
    on_path(monkeypatch, executable)
    assert java.find_java() == executable
    assert java.java_version(executable) == "21.0.4"
    assert not (tmp_path / "jdk 21" / "asked").exists()


def test_the_release_file_is_looked_for_where_a_link_leads(tmp_path: Path) -> None:
    executable = installed(tmp_path / "jdk", "17.0.15")
    link = tmp_path / "java"
    link.symlink_to(executable)
    assert java.java_version(link) == "17.0.15"
    assert not (tmp_path / "jdk" / "asked").exists()


def test_java_without_a_release_file_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    executable = installed(tmp_path / "jdk", "17.0.9", release=False)
    on_path(monkeypatch, executable)
    assert java.find_java() == executable
    assert java.java_version(executable) == "17.0.9"


def test_java_home_wins_over_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    on_path(monkeypatch, installed(tmp_path / "path", "17.0.1"))
    chosen = installed(tmp_path / "home", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    assert java.find_java() == chosen


def test_an_unsuitable_java_home_is_refused_even_with_a_suitable_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    suitable = installed(tmp_path / "path", "17.0.1")
    on_path(monkeypatch, suitable)
    installed(tmp_path / "home", "11.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    with pytest.raises(ArusError) as refused:
        java.find_java()
    assert "it is Java 11.0.2, not 17 or 21" in str(refused.value)
    assert f"unset JAVA_HOME, and {suitable} (17.0.1) is used" in str(refused.value)


def test_an_unsuitable_java_is_named_with_the_command_that_installs_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    executable = installed(tmp_path / "jdk", "1.8.0_402")
    on_path(monkeypatch, executable)
    monkeypatch.setattr(java, "install_command", lambda: "INSTALL IT")
    with pytest.raises(ArusError) as refused:
        java.find_java()
    assert str(refused.value) == (
        f"Java 17 or 21 is needed ({executable}: it is Java 1.8.0_402, not 17 or 21): INSTALL IT"
    )


def test_no_java_at_all_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "install_command", lambda: "INSTALL IT")
    with pytest.raises(ArusError, match=r"^Java 17 or 21 is needed \(none was found\): INSTALL IT$"):
        java.find_java()


def test_a_java_without_the_vector_module_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    on_path(monkeypatch, installed(tmp_path / "jre", "21.0.8", modules="java.base java.logging"))
    with pytest.raises(ArusError, match=r"without the module jdk\.incubator\.vector"):
        java.find_java()


@pytest.mark.parametrize(
    ("tools", "system", "uid", "command"),
    [
        ({"apt-get"}, {"ID": "debian", "VERSION_ID": "12"}, 0, "apt-get install openjdk-17-jre-headless"),
        ({"apt-get"}, {"ID": "debian", "VERSION_ID": "13"}, 0, "apt-get install openjdk-21-jre-headless"),
        ({"apt-get"}, {"ID": "ubuntu", "VERSION_ID": "24.04"}, 1000, "sudo apt-get install openjdk-17-jre-headless"),
        ({"dnf"}, {"ID": "fedora"}, 1000, "sudo dnf install java-21-openjdk-headless"),
        (set(), {"ID": "other"}, 0, "install one from https://adoptium.net and set JAVA_HOME"),
    ],
)
def test_the_install_command_is_this_systems(
    monkeypatch: pytest.MonkeyPatch, tools: set[str], system: dict[str, str], uid: int, command: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name if name in tools else None)
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: system)
    monkeypatch.setattr("os.geteuid", lambda: uid)
    assert java.install_command() == command


def test_the_install_command_of_macos_is_homebrews(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert java.install_command() == "brew install openjdk@17"
