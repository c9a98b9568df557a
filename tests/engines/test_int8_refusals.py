"""What int8 needs and does not find is said in words; these tests need no extra themselves."""

import logging
import os
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy
import pytest
import torch

from tests.fakes import FAKE_RECORD, FakeEngine
from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import Model, save_model
from torch_inception.commands.train import main
from torch_inception.engines.choose import could_be_quantised, load_engine
from torch_inception.engines.openvino.conversion import convert
from torch_inception.engines.openvino.int8 import (
    Quantisation,
    check_agreement,
    int8_engine,
    load_int8_engine,
)
from torch_inception.engines.openvino.runtime import (
    check_processor,
    has_instructions,
    import_openvino,
    quiet,
)
from torch_inception.engines.torch_engine import TorchEngine
from torch_inception.errors import ConfigError, InstallationError
from torch_inception.heads.head import Head
from torch_inception.images.preprocess import Pixels, Preprocessing
from torch_inception.network import empty_network
from torch_inception.weights.load import load_weights

TrainCommand = Callable[..., tuple[int, str]]

needs_instructions = pytest.mark.skipif(
    not has_instructions(), reason="the processor has no 8-bit instructions"
)


@pytest.fixture
def train_int8(
    colours: Path, run: Path, plain_weights: Path, capsys: pytest.CaptureFixture[str]
) -> TrainCommand:
    """Give a function that runs the command on `colours` and returns (status, what it says)."""

    def call(*flags: str) -> tuple[int, str]:
        places = ["--data", str(colours), "--output", str(run), "--weights", str(plain_weights)]
        return main([*places, "--precision", "int8", *flags]), capsys.readouterr().err

    return call


@pytest.mark.parametrize("name", ["avx512_vnni", "avx_vnni", "amx_int8"])
def test_each_of_three_sets_of_instructions_is_enough(name: str) -> None:
    assert has_instructions({"avx2": True, name: True})
    check_processor({"avx2": True, name: True})
    assert not has_instructions({"avx2": True, name: False})


@pytest.mark.parametrize("capabilities", [{"avx2": True}, {}])
def test_a_processor_without_the_instructions_is_refused(capabilities: dict[str, bool]) -> None:
    assert not has_instructions(capabilities)
    with pytest.raises(ConfigError, match=r"VNNI or AMX.*--precision fp32"):
        check_processor(capabilities)


@needs_instructions
@pytest.mark.parametrize("package", ["openvino", "nncf"])
def test_a_missing_package_is_named_with_the_extra_that_has_it(
    package: str, train_int8: TrainCommand, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InstallationError, match=rf"the package {package}, .*\[openvino\]"):
        import_openvino(package)
    if package == "nncf":
        pytest.importorskip("openvino")
    status, err = train_int8()
    assert status == 1
    assert f"error: the package {package}, " in err
    assert 'pip install "torch-inception[openvino]"' in err
    assert "Traceback" not in err
    assert not run.exists()


def test_int8_is_not_for_a_gpu(train_int8: TrainCommand) -> None:
    status, err = train_int8("--device", "cuda")
    assert status == 1
    assert "'int8' and engine 'openvino' are for the CPU" in err


class Few:
    """A sample of few images."""

    def __init__(self, count: int) -> None:
        self.count = count

    def known_digests(self) -> set[str]:
        return set()

    def read(self, count: int) -> list[tuple[str, Pixels]]:
        image = numpy.zeros((299, 299, 3), numpy.uint8)
        return [(f"{number:064x}", image) for number in range(min(count, self.count))]


@pytest.fixture
def float32(plain_weights: Path) -> TorchEngine:
    return load_engine(load_weights(plain_weights), device=torch.device("cpu"))


def test_float32_by_torch_could_be_quantised_where_the_processor_has_the_instructions(
    float32: TorchEngine,
) -> None:
    assert could_be_quantised(float32) is has_instructions()
    assert not could_be_quantised(FakeEngine())


@needs_instructions
@pytest.mark.parametrize("count", [0, 5, 47])
def test_too_few_images_are_refused_with_the_numbers(count: int, float32: TorchEngine) -> None:
    with pytest.raises(ConfigError, match=rf"needs 48 different .*there are {count}\."):
        int8_engine(float32, Preprocessing(), Few(count))


def test_a_network_that_is_too_far_off_is_refused() -> None:
    def quantisation(mean: float) -> Quantisation:
        return Quantisation("0" * 64, "a space", ["1" * 64] * 44, 16, mean, 0.95)

    check_agreement(quantisation(0.99))
    with pytest.raises(ConfigError, match=r"refused.*mean cosine of 0\.9899.*0\.99 is the least"):
        check_agreement(quantisation(0.98992))


@pytest.mark.parametrize("before", [None, "", "false", "true"])
def test_quiet_leaves_the_environment_as_it_was(
    before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CI", "NNCF_CI"):
        if before is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, before)
    environment = dict(os.environ)
    for error in (None, KeyboardInterrupt):
        try:
            with quiet():
                assert os.environ["CI"] == os.environ["NNCF_CI"] == "true"
                if error is not None:
                    raise error
        except KeyboardInterrupt:
            pass
        assert dict(os.environ) == environment


def test_warnings_in_quiet_are_not_shown_and_those_after_it_are() -> None:
    with quiet():
        warnings.warn("an old function", DeprecationWarning, stacklevel=1)
    with pytest.warns(DeprecationWarning):
        warnings.warn("an old function", DeprecationWarning, stacklevel=1)


def test_threads_that_are_quiet_at_once_leave_the_process_as_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("NNCF_CI", "mine")
    level = logging.getLogger("nncf").level

    def work(number: int) -> None:
        with quiet():
            time.sleep(0.001 * (number % 3))
            sys.stdout.write("heard\n")

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(20)))
    assert "CI" not in os.environ
    assert os.environ["NNCF_CI"] == "mine"
    assert logging.getLogger("nncf").level == level
    assert capsys.readouterr().out.count("heard") == 20


def test_ctrl_c_while_openvino_converts_is_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    def convert_model(*_: object, **__: object) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise RuntimeError("the frontend failed") from error

    fake = SimpleNamespace(convert_model=convert_model, Type=SimpleNamespace(u8=None))
    monkeypatch.setitem(sys.modules, "openvino", fake)
    with pytest.raises(KeyboardInterrupt):
        convert(empty_network(pooling="torchvision"), batch=1)


SPY = """import os, pathlib
with pathlib.Path({log!r}).open("a") as log:
    log.write(__name__ + " " + os.environ.get("NNCF_CI", "missing") + "\\n")
"""


def test_the_packages_are_imported_where_they_send_no_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # NNCF decides when it is imported whether it will send reports of its use.
    for name in ("CI", "NNCF_CI"):
        monkeypatch.delenv(name, raising=False)
    log = tmp_path / "log"
    for package in ("openvino", "nncf"):
        (tmp_path / f"{package}.py").write_text(SPY.format(log=str(log)))
    monkeypatch.syspath_prepend(tmp_path)
    with mock.patch.dict(sys.modules):
        for package in ("openvino", "nncf"):
            sys.modules.pop(package, None)
            import_openvino(package)
    assert log.read_text().splitlines() == ["openvino true", "nncf true"]


def test_a_model_whose_8_bit_network_is_gone_names_images_in_float32_with_a_warning(
    plain_weights: Path, colours: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = Head(10 * torch.eye(3, 2048), torch.zeros(3))
    record = load_weights(plain_weights).record
    model = Model(["red", "green", "blue"], head, Preprocessing(), record,
                  arithmetic=f"int8 {'0' * 64}")  # fmt: skip
    save_model(model, tmp_path / "model.pt")
    classifier = Classifier.load(tmp_path / "model.pt")
    (warning,) = (record for record in caplog.records if record.levelno == logging.WARNING)
    assert "trained with --precision int8, and images are named in float32" in (
        warning.getMessage()
    )
    assert "not in the cache" in warning.getMessage()
    assert classifier.predict(colours / "green" / "green_03.png")[0].label == "green"
    assert classifier.model.arithmetic == f"int8 {'0' * 64}"


@pytest.mark.parametrize("arithmetic", ["", "fp32", "bf16", "int8", "int8 unknown"])
def test_there_is_no_kept_network_of_another_arithmetic_or_an_unknown_key(arithmetic: str) -> None:
    assert load_int8_engine(arithmetic, FAKE_RECORD) is None
