"""What a terminal shows: wrapped, escaped, in colours where they are wanted."""

import io
import logging
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.fakes import FakeEngine
from torch_inception.commands.run import run_command
from torch_inception.commands.screen import shown
from torch_inception.commands.train import main as train
from torch_inception.engines.protocol import Rows
from torch_inception.images.preprocess import Pixels

LONG = "weights: imagenet is not used: " + "a reason of several words, " * 8
PATH = "/a/path/" + "of/many/parts/" * 12 + "image.png"


class Terminal(io.StringIO):
    """A stream that a person reads."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_lines_are_broken_between_words_at_the_terminals_width(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = shown(f"  {LONG}", Terminal()).split("\n")
    assert len(lines) > 1
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("  weights:")
    assert all(line.startswith("    ") for line in lines[1:])
    assert " ".join(" ".join(lines).split()) == LONG.strip()


def test_a_path_stays_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert f"\n  {PATH}\n" in shown(f"skipped: {PATH} because of this", Terminal())


def test_a_name_with_spaces_stays_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    name = "a name of several words, and of some length in all.png"

    def body() -> int:
        logging.getLogger("torch_inception.some.room").warning("skipped: %s: why", Path(name))
        return 0

    assert run_command(body, log_to=screen) == 0
    assert screen.getvalue() == f"skipped:\n  {name}:\n  why\n"


class SlowEngine(FakeEngine):
    def rows(self, images: Sequence[Pixels]) -> Rows:
        time.sleep(0.02 * len(images))
        return super().rows(images)


@pytest.mark.parametrize(
    ("screen", "flags", "moves"),
    [(Terminal(), [], True), (Terminal(), ["--quiet"], False), (io.StringIO(), [], False)],
    ids=["terminal", "quiet", "file"],
)
def test_a_bar_moves_on_terminals_only(
    screen: io.StringIO,
    flags: list[str],
    moves: bool,
    colours: Path,
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stderr", screen)
    arguments = ["--data", str(colours), "--output", str(run), *flags]
    assert train(arguments, engine=SlowEngine()) == 0
    assert ("90/90" in screen.getvalue()) == moves
    assert ("\r" in screen.getvalue()) == moves


def test_what_no_person_reads_stays_in_one_line() -> None:
    assert shown(LONG, io.StringIO(), colour="\x1b[31m") == LONG


@pytest.mark.parametrize(
    ("variable", "value", "coloured"),
    [(None, "", True), ("NO_COLOR", "1", False), ("NO_COLOR", "", True), ("TERM", "dumb", False)],
)
def test_colours_are_for_terminals_whose_user_wants_them(
    variable: str | None, value: str, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is not None:
        monkeypatch.setenv(variable, value)
    found = shown("error: no", Terminal(), colour="\x1b[31m")
    assert found == ("\x1b[31merror:\x1b[0m no" if coloured else "error: no")


def test_rows_of_tables_are_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    row = "*      0.1     97.2%    0.1535     82.3%"
    assert shown(f"{row}\nmore words than fit in one line", Terminal()) == (
        f"{row}\nmore words than fit\n  in one line"
    )


def test_records_stay_plain_for_others_who_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    records: list[logging.LogRecord] = []
    log = logging.getLogger("torch_inception.some.room")

    class Listener(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            records.append(record)
            return True

    def body() -> int:
        log.warning("WARNING: %s", "a\x1b[2J name")
        return 0

    listener = Listener()
    log.addFilter(listener)
    try:
        assert run_command(body, log_to=screen) == 0
    finally:
        log.removeFilter(listener)
    assert screen.getvalue() == "\x1b[33mWARNING:\x1b[0m a\\x1b[2J name\n"
    assert records[0].getMessage() == "WARNING: a\x1b[2J name"
