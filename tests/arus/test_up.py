import argparse

import pytest

from arus import up


def chosen(*argv: str) -> tuple[list[str], bool]:
    options, pipelines = up.chosen(argparse.ArgumentParser(), list(argv))
    return [pipeline.name for pipeline in pipelines], options.serves


@pytest.mark.parametrize(
    ("argv", "names"),
    [
        ([], ["temperature", "warehouse", "retail"]),
        (["--with", "images"], ["temperature", "warehouse", "retail", "images"]),
        (["--without", "retail", "--without", "warehouse"], ["temperature"]),
        (["--only", "images"], ["images"]),
        (["--only", "retail", "--only", "images"], ["retail", "images"]),
        (["--only", "retail", "--with", "images"], ["retail", "images"]),
    ],
)
def test_the_options_choose_the_pipelines(argv: list[str], names: list[str]) -> None:
    assert chosen(*argv) == (names, True)
    assert chosen(*argv, "--without", "server") == (names, False)


@pytest.mark.parametrize(
    "argv",
    [
        ["--without", "temperature", "--without", "warehouse", "--without", "retail"],
        ["--only", "images", "--without", "images"],
        ["--only", "nothing"],
        ["--with", "retail"],
    ],
)
def test_options_that_leave_nothing_or_make_no_sense_are_refused(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        chosen(*argv)
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err
