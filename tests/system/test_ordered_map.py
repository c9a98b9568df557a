"""Work on several threads, results in order: what is promised to whoever waits for them."""

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import pytest

from torch_inception.system.ordered_map import Work, ordered_map

PATIENCE = 20.0
"""Seconds after which a test gives up waiting for what should happen at once."""


def square(batch: Sequence[int]) -> list[int]:
    return [number * number for number in batch]


def one_by_one(
    work: Callable[[Sequence[int]], Sequence[int]], items: Iterable[int]
) -> Iterator[int]:
    return ordered_map(lambda: work, items, workers=3, batch_size=1)


@pytest.fixture
def new_threads() -> Callable[[], list[threading.Thread]]:
    """Give a function that returns the threads started since, those still running after a wait."""
    before = set(threading.enumerate())

    def running() -> list[threading.Thread]:
        started = set(threading.enumerate()) - before
        for thread in started:
            thread.join(PATIENCE)
        return [thread for thread in started if thread.is_alive()]

    return running


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("batch_size", [1, 3, 100])
@pytest.mark.parametrize("count", [0, 1, 50])
def test_results_come_in_input_order_with_slow_and_fast_items(
    workers: int, batch_size: int, count: int
) -> None:
    pauses = random.Random(count)

    def work(batch: Sequence[int]) -> list[int]:
        time.sleep(pauses.choice([0, 0, 0, 0.004]))
        return square(batch)

    results = ordered_map(lambda: work, range(count), workers=workers, batch_size=batch_size)
    assert list(results) == [number * number for number in range(count)]


def test_a_batch_is_never_larger_than_asked_and_full_when_items_wait() -> None:
    sizes: list[int] = []
    all_read = threading.Event()

    def source() -> Iterator[int]:
        yield from range(11)
        all_read.set()

    def work(batch: Sequence[int]) -> list[int]:
        assert all_read.wait(PATIENCE)
        sizes.append(len(batch))
        return square(batch)

    assert list(ordered_map(lambda: work, source(), workers=1, batch_size=4)) == square(range(11))
    assert max(sizes) <= 4
    assert sum(sizes) == 11
    # The first batch takes what is there when the worker wakes; then everything is there.
    assert set(sizes[1:-1]) == {4}


def test_a_slow_source_gets_each_answer_at_once() -> None:
    answered = threading.Event()
    waits: list[bool] = []

    def typed() -> Iterator[int]:
        for number in range(4):
            answered.clear()
            yield number
            waits.append(answered.wait(PATIENCE))

    for _ in ordered_map(lambda: square, typed(), workers=2, batch_size=8):
        answered.set()
    assert waits == [True] * 4


def test_items_are_read_ahead_by_a_bounded_number() -> None:
    read = 0
    ahead = threading.Event()

    def endless() -> Iterator[int]:
        nonlocal read
        while True:
            read += 1
            if read == 8:
                ahead.set()
            yield read

    results = ordered_map(lambda: square, endless(), workers=2, batch_size=4)
    assert next(results) == 1
    assert ahead.wait(PATIENCE), "nothing was read ahead"
    # The reader stops by itself: give it time to run away, if it can.
    time.sleep(0.3)
    assert read < 50
    assert [next(results) for _ in range(100)] == [number * number for number in range(2, 102)]
    results.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_the_source_raises_is_raised_after_the_results_before_it(
    error: type[BaseException], new_threads: Callable[[], list[threading.Thread]]
) -> None:
    def failing() -> Iterator[int]:
        yield from range(5)
        raise error("the source")

    results = one_by_one(square, failing())
    assert [next(results) for _ in range(5)] == square(range(5))
    with pytest.raises(error, match="the source"):
        next(results)
    assert new_threads() == []


def test_what_the_work_raises_is_raised_in_its_place(
    new_threads: Callable[[], list[threading.Thread]],
) -> None:
    def work(batch: Sequence[int]) -> list[int]:
        if 5 in batch:
            raise ValueError("item 5")
        return square(batch)

    results = one_by_one(work, range(1000))
    assert [next(results) for _ in range(5)] == square(range(5))
    with pytest.raises(ValueError, match="item 5"):
        next(results)
    assert new_threads() == []


def test_work_that_loses_a_result_is_an_error_and_not_a_wait() -> None:
    with pytest.raises(ValueError, match="shorter"):
        list(one_by_one(lambda batch: [], range(3)))


def test_closing_early_stops_every_thread_and_the_reading(
    new_threads: Callable[[], list[threading.Thread]],
) -> None:
    read: list[int] = []

    def source() -> Iterator[int]:
        for number in range(1_000_000):
            read.append(number)
            yield number

    results = ordered_map(lambda: square, source(), workers=3, batch_size=2)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert new_threads() == []
    assert len(read) < 100


def test_threads_are_gone_after_the_last_result(
    new_threads: Callable[[], list[threading.Thread]],
) -> None:
    assert list(one_by_one(square, range(20))) == square(range(20))
    assert new_threads() == []


def test_each_worker_is_prepared_once_on_its_own_thread_before_it_works() -> None:
    prepared: list[int] = []
    unprepared: list[int] = []

    def work(batch: Sequence[int]) -> list[int]:
        if threading.get_ident() not in prepared:
            unprepared.append(threading.get_ident())
        return square(batch)

    def make_worker() -> Work[int, int]:
        prepared.append(threading.get_ident())
        return work

    results = ordered_map(make_worker, range(30), workers=3, batch_size=2)
    assert list(results) == square(range(30))
    assert len(prepared) == len(set(prepared)) <= 3
    assert unprepared == []
    assert threading.get_ident() not in prepared


@pytest.mark.timeout(15)
def test_a_worker_that_cannot_be_prepared_is_an_error_and_not_a_wait() -> None:
    def broken() -> Work[int, int]:
        raise RuntimeError("no such device")

    with pytest.raises(RuntimeError, match="no such device"):
        list(ordered_map(broken, range(3), workers=2, batch_size=1))


def test_nothing_is_read_before_the_first_result_is_asked_for() -> None:
    read: list[int] = []
    results = one_by_one(square, map(read.append, range(3)))  # type: ignore[arg-type]
    assert read == []
    results.close()  # type: ignore[attr-defined]
