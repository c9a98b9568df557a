"""What a user who waits is told: a rate without the start-up, and nothing of short waits."""

import re
from collections.abc import Iterable, Iterator

import pytest
from tqdm import std as tqdm_room
from tqdm import tqdm

from torch_inception.features.progress import progress_bar


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(tqdm_room, "time", made)
    return made


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> "Iterator[list[tqdm[object]]]":
    """Collect the bars that are closed, and not only forgotten: what is forgotten closes itself."""
    made: list[tqdm[object]] = []
    closed: list[tqdm[object]] = []
    begin, end = tqdm.__init__, tqdm.close

    def remember(self: "tqdm[object]", *args: object, **settings: object) -> None:
        made.append(self)
        begin(self, *args, **settings)

    def close(self: "tqdm[object]") -> None:
        closed.append(self)
        end(self)

    monkeypatch.setattr(tqdm, "__init__", remember)
    monkeypatch.setattr(tqdm, "close", close)
    yield closed
    assert closed == made


def passing(clock: Clock, durations: Iterable[float]) -> Iterator[int]:
    """Yield 0, 1, 2, ... as time passes."""
    for number, seconds in enumerate(durations):
        clock.now += seconds
        yield number


def rates(shown: str) -> list[float]:
    return [float(rate) for rate in re.findall(r"([\d.]+) images/s", shown)]


def test_the_rate_is_that_of_what_comes_after_the_start_up(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    durations = [100.0] * 9 + [0.5] * 191
    bar = progress_bar(passing(clock, durations), "features", total=200, show=True, start_up=8)
    assert list(bar) == list(range(200))
    err = capsys.readouterr().err
    assert rates(err)
    assert set(rates(err)) == {2.0}
    assert "features: 100%" in err
    assert "200/200" in err


def test_without_start_up_the_rate_starts_at_the_first_result(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    durations = [100.0] + [0.25] * 99
    list(progress_bar(passing(clock, durations), "reading", total=100, show=True))
    assert set(rates(capsys.readouterr().err)) == {4.0}


def test_the_time_left_is_reckoned_from_the_later_rate(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    durations = [60.0] * 5 + [1.0] * 50
    bar = progress_bar(passing(clock, durations), "features", total=105, show=True, start_up=4)
    assert len(list(bar)) == 55
    # Fifty are missing, at one a second.
    assert capsys.readouterr().err.rstrip().endswith("55/105 [00:50<00:50,  1.00 images/s]")


@pytest.mark.parametrize("show", [True, False])
@pytest.mark.parametrize("start_up", [0, 1, 4, 5, 100])
@pytest.mark.parametrize("total", [0, 1, 5])
def test_every_result_passes_through_in_order(total: int, start_up: int, show: bool) -> None:
    results = [object() for _ in range(total)]
    bar = progress_bar(iter(results), "features", total=total, show=show, start_up=start_up)
    assert list(bar) == results


def test_every_result_is_counted_even_where_all_is_start_up(
    clock: Clock, bars: "list[tqdm[object]]"
) -> None:
    list(progress_bar(passing(clock, [9.0] * 5), "features", total=5, show=True, start_up=16))
    assert [bar.n for bar in bars] == [5]


def test_nothing_is_shown_where_no_bar_is_wanted_and_of_short_waits(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    list(progress_bar(passing(clock, [5.0] * 50), "features", total=50, show=False))
    list(progress_bar(passing(clock, [0.001] * 400), "features", total=400, show=True))
    list(progress_bar(passing(clock, []), "features", total=0, show=True))
    assert capsys.readouterr() == ("", "")


def test_the_bar_is_closed_when_nobody_waits_any_more(
    clock: Clock, bars: "list[tqdm[object]]"
) -> None:
    results = progress_bar(passing(clock, [1.0] * 50), "features", total=50, show=True, start_up=2)
    for number in results:
        if number == 30:
            break
    assert not bars
    results.close()  # type: ignore[attr-defined]
    (bar,) = bars
    assert bar.n == 31


def test_the_bar_is_closed_and_the_error_passed_on_when_one_is_raised(
    clock: Clock, bars: "list[tqdm[object]]"
) -> None:
    def failing() -> Iterator[int]:
        yield from passing(clock, [1.0] * 20)
        raise KeyboardInterrupt

    seen: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        seen.extend(progress_bar(failing(), "features", total=50, show=True, start_up=2))
    (bar,) = bars
    assert bar.n == 20


def test_an_error_during_start_up_is_passed_on() -> None:
    def failing() -> Iterator[int]:
        yield 0
        raise ValueError("the first one")

    with pytest.raises(ValueError, match="the first one"):
        list(progress_bar(failing(), "features", total=50, show=True, start_up=8))
