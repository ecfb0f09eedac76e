"""python -m arus.jars: brings the jars of conf/ivy.xml, each with the SHA-256 of conf/jars.sha256, into .jars/."""

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from arus.errors import ArusError
from arus.home import ROOT
from arus.java import find_java
from arus.progress import LOG_SECONDS
from arus.text import number_of

SETS = ("spark", "broker")
AGAIN = "run `make setup` again"


def verify(root: Path = ROOT) -> list[str]:
    """Return what is wrong with the jars under `root`, one line each: missing, altered, or not in conf/jars.sha256."""
    return _differences(_locked(root), _hashes(root / ".jars"))


def fetch(root: Path = ROOT, lock: bool = False) -> None:
    """Put the jars in place unless they are; with `lock`, write conf/jars.sha256 from what came, unchecked."""
    with _one_at_a_time(root / ".jars"):
        if not lock and not verify(root):
            return
        begun = time.monotonic()
        count = "jars" if lock else f"the {len(_locked(root))}"
        print(f"jars: fetching {count} of conf/ivy.xml", flush=True)
        with tempfile.TemporaryDirectory(prefix="fetching-", dir=root / ".jars") as fresh:
            _run_ivy(root, Path(fresh))
            came = _hashes(Path(fresh))
            if lock:
                _lock_file(root).write_text("".join(f"{came[jar]}  {jar}\n" for jar in sorted(came)))
            else:
                _refuse_if_different(root, came)
            _move_in_place(Path(fresh), root / ".jars", came)
        print(f"jars: fetched in {time.monotonic() - begun:.0f} s", flush=True)


def pyspark_jars() -> Path:
    """Return the folder of jars inside the installed PySpark; raise ArusError where there is none."""
    spec = find_spec("pyspark")
    if not spec or not spec.origin:
        raise ArusError(f"PySpark is not installed in {sys.prefix}: run `make setup`")
    return Path(spec.origin).parent / "jars"


def _locked(root: Path) -> dict[str, str]:
    if not _lock_file(root).is_file():
        raise ArusError(f"{_lock_file(root)} is missing: `git checkout conf/jars.sha256`")
    lines = (line.split() for line in _lock_file(root).read_text().splitlines())
    return {jar: sha256 for sha256, jar in lines}


def _lock_file(root: Path) -> Path:
    return root / "conf" / "jars.sha256"


def _hashes(folder: Path) -> dict[str, str]:
    jars = [jar for name in SETS for jar in sorted((folder / name).glob("*.jar"))]
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return dict(zip([f"{jar.parent.name}/{jar.name}" for jar in jars], pool.map(sha256_of, jars), strict=True))


def sha256_of(file: Path) -> str:
    """Return the file's SHA-256, read in pieces."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _differences(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    missing = [f"{jar} is missing" for jar in wanted if jar not in found]
    altered = [
        f"{jar} has another SHA-256 than conf/jars.sha256"
        for jar in wanted
        if found.get(jar, wanted[jar]) != wanted[jar]
    ]
    unlisted = [f"{jar} is not in conf/jars.sha256" for jar in found if jar not in wanted]
    return missing + altered + unlisted


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left_over in folder.glob("fetching-*"):
            shutil.rmtree(left_over)
        yield


def _run_ivy(root: Path, into: Path) -> None:
    # Ivy reads brackets in a path as its own pattern: `into` is its working folder, to stay out of the pattern.
    ivy_jar = next(pyspark_jars().glob("ivy-*.jar"))
    command: list[str | Path] = [
        find_java(),
        "-jar",
        ivy_jar,
        "-settings",
        root / "conf/ivysettings.xml",
        "-ivy",
        root / "conf/ivy.xml",
    ]
    command += ["-cache", root / ".jars" / "cache", "-types", "jar", "bundle"]
    command += ["-retrieve", "[conf]/[artifact]-[revision].[ext]"]
    ivy = subprocess.Popen(command, cwd=into, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with ivy:
        said = _show_progress(ivy)
    if ivy.returncode != 0:
        raise ArusError(
            f"the jars could not be fetched ({_ivys_reason(said)}): check the network or proxy, then {AGAIN}"
        )


def _show_progress(ivy: "subprocess.Popen[str]") -> list[str]:
    """Return what Ivy says, and say every few seconds how far it is: it looks all jars up before it fetches one."""
    said: list[str] = []
    fetched, due = 0, time.monotonic() + LOG_SECONDS
    for line in ivy.stdout or []:
        said.append(line.strip())
        fetched += "[SUCCESSFUL ]" in line
        if time.monotonic() > due:
            told = f"{number_of(fetched, 'jar')} so far" if fetched else "looking up what each needs"
            print(f"jars: {told} ...", file=sys.stderr, flush=True)
            due = time.monotonic() + LOG_SECONDS
    return said


def _ivys_reason(said: list[str]) -> str:
    marks = ("unresolved dependency", "Connection", "UnknownHost", "not found", "ERROR", "FAILED", "rror")
    return next(
        (line.strip(": ") for mark in marks for line in said if mark in line), said[-1] if said else "no reason given"
    )


def _refuse_if_different(root: Path, came: dict[str, str]) -> None:
    if wrong := _differences(_locked(root), came):
        # Else Ivy would hand out the same wrong file again.
        shutil.rmtree(root / ".jars" / "cache", ignore_errors=True)
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise ArusError(
            f"{wrong[0]}{more}: {AGAIN}; only after a change of conf/ivy.xml, run `python -m arus.jars --lock`"
        )


def _move_in_place(fresh: Path, jars: Path, came: dict[str, str]) -> None:
    for name in SETS:
        (jars / name).mkdir(exist_ok=True)
    for jar in came:
        (fresh / jar).replace(jars / jar)
    for jar in _hashes(jars).keys() - came.keys():
        (jars / jar).unlink()


def main(argv: list[str]) -> int:
    """Fetch what is missing or wrong, and say that all is in place."""
    parser = argparse.ArgumentParser(prog="python -m arus.jars", description=__doc__)
    parser.add_argument("--lock", action="store_true", help="rewrite conf/jars.sha256 after a change of conf/ivy.xml")
    fetch(lock=parser.parse_args(argv).lock)
    print(f"jars: {len(_locked(ROOT))} in place, each with its SHA-256")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ArusError as error:
        sys.exit(f"arus jars: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
