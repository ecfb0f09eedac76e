"""Every verb and every producer explains each of its options."""

import argparse
import importlib
from collections.abc import Callable, Iterator

import pytest

from arus.__main__ import VERBS, module_of

PRODUCERS = ("images", "retail", "temperature", "warehouse")
MODULES = [
    *map(module_of, VERBS),
    *("arus.jars", "arus.class_archive"),
    *(f"producers.{name}" for name in PRODUCERS),
]
FEWEST_WORDS = 4


class CaughtParserError(Exception):
    pass


def parser_of(main: Callable[[list[str]], object]) -> argparse.ArgumentParser:
    """Return the parser that a `main` would read its command line with."""
    caught: list[argparse.ArgumentParser] = []

    def catch(parser: argparse.ArgumentParser, *_: object) -> None:
        caught.append(parser)
        raise CaughtParserError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", catch)
        with pytest.raises(CaughtParserError):
            main([])
    return caught[0]


def with_children(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from with_children(child)


@pytest.mark.parametrize("module", MODULES)
def test_each_option_is_explained_in_words(module: str) -> None:
    bare = []
    for parser in with_children(parser_of(importlib.import_module(module).main)):
        if not parser.description:
            bare.append(parser.prog)
        for action in parser._actions:
            is_explained = len((action.help or "").split()) >= FEWEST_WORDS
            if not isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
                bare += [] if is_explained else [f"{parser.prog}: {action.dest}: {action.help}"]
    assert bare == []
