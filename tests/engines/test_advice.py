"""Who waits for a long pass in float32 is told once what 8-bit integers would save."""

import logging
import types
from collections.abc import Iterator
from typing import cast

import pytest
import torch

from torch_inception.engines.cpu import CpuEngine
from torch_inception.engines.openvino import advice
from torch_inception.engines.openvino.advice import advised
from torch_inception.engines.protocol import Engine
from torch_inception.weights.checked import Weights
from torch_inception.weights.record import WeightsRecord

START_UP = 12
"""Three threads of four images."""


@pytest.fixture
def backbone(fake_network: WeightsRecord, monkeypatch: pytest.MonkeyPatch) -> CpuEngine:
    monkeypatch.setattr(CpuEngine, "workers", 3)
    return CpuEngine(Weights(fake_network, {}), device=torch.device("cpu"))


@pytest.fixture(autouse=True)
def instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    capabilities = {"avx512_vnni": True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)


class Pass:
    """A pass whose first images take ten seconds each, and all others as long as is said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        self.now, self.seconds = 0.0, seconds
        clock = types.SimpleNamespace(perf_counter=lambda: self.now)
        monkeypatch.setattr(advice, "time", clock)

    def results(self, total: int) -> Iterator[int]:
        for number in range(total):
            self.now += 10 if number <= START_UP else self.seconds
            yield number


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert all(record.levelno == logging.INFO for record in caplog.records)
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("total", "seconds", "told"),
    [
        (
            3000,
            0.02,
            "3000 images at 50 a second take 60 s. --precision int8 would take about 15 s",
        ),
        (
            3000,
            0.1,
            "3000 images at 10 a second take 5 min. --precision int8 would take about 75 s",
        ),
        (
            7200,
            1.0,
            "7200 images at 1.0 a second take 2.0 h. --precision int8 would take about 30 min",
        ),
    ],
)
def test_a_long_pass_is_told_once_at_its_measured_rate(
    total: int, seconds: float, told: str, backbone: CpuEngine, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(advice, "SPEED_UP", 4.0)
    with caplog.at_level(logging.INFO, "torch_inception"):
        results = advised(Pass(monkeypatch, seconds).results(total), backbone, total=total)
        assert list(results) == list(range(total))
    (message,) = messages(caplog)
    assert message.startswith(told)
    assert "torch-inception[openvino]" in message


def test_it_is_said_while_there_is_still_much_to_save(
    backbone: CpuEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "torch_inception"):
        results = advised(Pass(monkeypatch, 0.1).results(5000), backbone, total=5000)
        heard = next(number for number in results if messages(caplog))
    assert 100 <= heard <= 200
    assert list(results) == list(range(heard + 1, 5000))


@pytest.mark.parametrize("total", [0, 1, 500, advice.LONG_PASS])
def test_a_short_pass_is_told_nothing(
    total: int, backbone: CpuEngine, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    with caplog.at_level(logging.INFO, "torch_inception"):
        results = advised(Pass(monkeypatch, 0.1).results(total), backbone, total=total)
        assert list(results) == list(range(total))
    assert messages(caplog) == []


def test_nothing_is_told_of_engines_that_are_fast_and_processors_that_would_not_be(
    backbone: CpuEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    int8 = cast(Engine, types.SimpleNamespace(workers=3, batch_size=4, device=torch.device("cpu")))
    long = range(advice.LONG_PASS + 1)
    with caplog.at_level(logging.INFO, "torch_inception"):
        assert list(advised(long, int8, total=len(long))) == list(long)
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True}, raising=False)
        assert list(advised(long, backbone, total=len(long))) == list(long)
        monkeypatch.setattr(backbone, "device", torch.device("cuda"))
        assert list(advised(long, backbone, total=len(long))) == list(long)
    assert messages(caplog) == []


def test_an_error_among_the_results_passes_through(
    backbone: CpuEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> Iterator[int]:
        yield 0
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        list(advised(failing(), backbone, total=9999))
