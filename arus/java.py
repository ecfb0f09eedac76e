"""Finds the Java that Spark and the broker run on: 17 or 21, and says how to get one where there is none."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from arus.errors import ArusError

SUITABLE = ("17", "21")
SPARK_MODULE = "jdk.incubator.vector"


def find_java() -> Path:
    """Return the java executable to use: JAVA_HOME's, as Spark honours it, else the first suitable one found."""
    if home := os.environ.get("JAVA_HOME"):
        java = Path(home) / "bin" / "java"
        if fault := _fault(java):
            raise ArusError(f"JAVA_HOME={home} will not do ({fault}): {_way_out_of_java_home()}")
        return java
    faults = []
    for java in _installed():
        if not (fault := _fault(java)):
            return java
        faults.append(f"{java}: {fault}")
    raise ArusError(f"Java 17 or 21 is needed ({'; '.join(faults) or 'none was found'}): {install_command()}")


def java_home() -> Path:
    """Return what JAVA_HOME is to be; a launcher of jenv, asdf and their like is asked where its Java lives."""
    java = find_java()
    if _release(java):
        return java.resolve().parent.parent
    settings = subprocess.run(
        [java, "-XshowSettings:properties", "-version"], capture_output=True, text=True, check=False
    )
    found = re.search(r"java\.home = (.+)", settings.stderr)
    return Path(found.group(1).strip()) if found else java.parent.parent


def java_version(java: Path) -> str | None:
    """Return the version, such as `17.0.15`, from its installation's `release` file, else by asking java itself."""
    return _release(java).get("JAVA_VERSION") or _asked_version(java)


def install_command() -> str:
    """Return the command that installs a suitable Java with what this machine has."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    if sys.platform == "darwin":
        return "brew install openjdk@17"
    if shutil.which("apt-get"):
        return f"{sudo}apt-get install openjdk-{_debian_java()}-jre-headless"
    if shutil.which("dnf"):
        return f"{sudo}dnf install java-21-openjdk-headless"
    return "install one from https://adoptium.net and set JAVA_HOME"


def _installed() -> Iterator[Path]:
    if on_path := shutil.which("java"):
        yield Path(on_path)
    if sys.platform == "darwin":
        # Apple's /usr/bin/java is a stub: only java_home knows where the real ones are.
        for version in SUITABLE:
            asked = subprocess.run(
                ["/usr/libexec/java_home", "-v", version], capture_output=True, text=True, check=False
            )
            if asked.returncode == 0:
                yield Path(asked.stdout.strip()) / "bin" / "java"


def _fault(java: Path) -> str | None:
    if not os.access(java, os.X_OK):
        return f"{java} is not there"
    version = java_version(java)
    if version is None:
        return f"{java} does not tell its version"
    if version.split(".")[0] not in SUITABLE:
        return f"it is Java {version}, not 17 or 21"
    modules = _release(java).get("MODULES")
    if modules and SPARK_MODULE not in modules.split():
        return f"it is Java {version} without the module {SPARK_MODULE}, which Spark needs"
    return None


def _way_out_of_java_home() -> str:
    suitable = next((java for java in _installed() if not _fault(java)), None)
    if suitable:
        return f"unset JAVA_HOME, and {suitable} ({java_version(suitable)}) is used"
    return f"{install_command()}, and unset JAVA_HOME or let it name that one"


def _release(java: Path) -> dict[str, str]:
    file = java.resolve().parent.parent / "release"
    if not file.is_file():
        return {}
    return dict(re.findall(r'^(\w+)="?(.*?)"?$', file.read_text(errors="replace"), re.MULTILINE))


def _asked_version(java: Path) -> str | None:
    try:
        asked = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "([^"]+)"', asked.stderr)
    return found.group(1) if found else None


def _debian_java() -> str:
    # Debian has no openjdk-17 from its release 13 on, and no openjdk-21 before it; every Ubuntu has 17.
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        return "17"
    newest = system["ID"] == "debian" and int(system.get("VERSION_ID", "99").split(".")[0]) >= 13
    return "21" if newest else "17"
