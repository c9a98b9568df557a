"""What int8 needs and does not find is said in words; these tests need no extra themselves."""

import importlib.metadata
import logging
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import pytest
import torch

from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import Model, save_model
from torch_inception.engines.cpu import CpuEngine
from torch_inception.engines.openvino import conversion
from torch_inception.engines.openvino.calibration import calibrated_engine, kept_engine
from torch_inception.engines.openvino.runtime import (
    check_processor,
    has_instructions,
    import_extra,
    quiet,
)
from torch_inception.errors import ConfigError
from torch_inception.heads.head import Head
from torch_inception.images.preprocess import Preprocessing
from torch_inception.network import empty_network
from torch_inception.weights.checked import Weights
from torch_inception.weights.record import WeightsRecord

Capabilities = Callable[[dict[str, bool]], None]
TrainCommand = Callable[..., tuple[int, str, str]]


@pytest.fixture
def capable(monkeypatch: pytest.MonkeyPatch) -> Capabilities:
    """Give a function that says what the processor can do."""

    def say(capabilities: dict[str, bool]) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)

    return say


@pytest.fixture
def backbone(fake_network: WeightsRecord) -> CpuEngine:
    return CpuEngine(Weights(fake_network, {}), device=torch.device("cpu"))


def test_the_instructions_are_those_that_torch_knows_of(
    capable: Capabilities, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("avx512_vnni", "avx_vnni", "amx_int8"):
        capable({"avx2": True, name: True})
        assert has_instructions()
        check_processor()
        capable({"avx2": True, name: False})
        assert not has_instructions()
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not has_instructions()


def test_a_processor_without_the_instructions_is_refused(
    backbone: CpuEngine, capable: Capabilities, colours: Path
) -> None:
    capable({"avx2": True})
    paths = sorted(colours.rglob("*.png"))
    for refused in (check_processor, lambda: calibrated_engine(backbone, Preprocessing(), paths)):
        with pytest.raises(ConfigError, match=r"VNNI or AMX.*--precision fp32"):
            refused()


def test_the_command_says_so_in_a_line_and_leaves_nothing(
    train: TrainCommand, capable: Capabilities, fake_network: WeightsRecord, run: Path
) -> None:
    capable({})
    status, _, err = train("--precision", "int8")
    assert status == 1
    assert err.startswith("error: precision 'int8' needs a processor with VNNI or AMX")
    assert "--precision fp32" in err
    assert err.count("\n") == 1
    assert not run.exists()


@pytest.mark.parametrize("package", ["openvino", "nncf"])
def test_a_missing_package_is_named_with_the_extra_that_has_it(
    package: str, train: TrainCommand, capable: Capabilities, fake_network: WeightsRecord,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    capable({"avx_vnni": True})
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=rf"the package {package}, .*\[openvino\]"):
        import_extra(package)
    if package == "nncf":
        pytest.importorskip("openvino")
    status, _, err = train("--precision", "int8")
    assert status == 1
    assert f"the package {package}, " in err
    assert 'pip install "torch-inception[openvino]"' in err
    assert "Traceback" not in err


def test_int8_is_not_for_a_gpu(train: TrainCommand, fake_network: WeightsRecord) -> None:
    status, _, err = train("--precision", "int8", "--device", "cuda")
    assert status == 1
    assert "'int8' and engine 'openvino' are for the CPU" in err


@pytest.mark.parametrize("good", [0, 5, 47])
def test_too_few_different_images_are_refused_with_the_numbers(
    good: int, backbone: CpuEngine, capable: Capabilities, colours: Path, tmp_path: Path
) -> None:
    capable({"avx_vnni": True})
    paths = sorted(colours.rglob("*.png"))[:good]
    # Neither copies nor files that are no images count.
    copies = [Path(shutil.copy(path, tmp_path / f"{i}.png")) for i, path in enumerate(paths)]
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ConfigError, match=rf"needs 48 different .*there are {good}\."):
        calibrated_engine(backbone, Preprocessing(), [*paths, *copies, tmp_path / "broken.jpg"] * 2)


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
    monkeypatch.setattr(conversion, "import_extra", lambda package: fake)
    with pytest.raises(KeyboardInterrupt):
        conversion.convert(empty_network(pooling="torchvision"), batch=1)


SPY = """import os, pathlib
with pathlib.Path({log!r}).open("a") as log:
    log.write(__name__ + " " + os.environ.get("NNCF_CI", "missing") + "\\n")
if __name__ == "nncf":
    raise ImportError("far enough")
"""


def test_the_packages_are_imported_where_they_send_no_reports(
    backbone: CpuEngine, capable: Capabilities, colours: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    # NNCF decides when it is imported whether it will send reports of its use.
    capable({"avx_vnni": True})
    for name in ("CI", "NNCF_CI"):
        monkeypatch.delenv(name, raising=False)
    log = tmp_path / "log"
    for package in ("openvino", "nncf"):
        (tmp_path / f"{package}.py").write_text(SPY.format(log=str(log)))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(importlib.metadata, "version", lambda package: "1")
    with mock.patch.dict(sys.modules):
        for package in ("openvino", "nncf"):
            sys.modules.pop(package, None)
        with pytest.raises(ConfigError, match="far enough"):
            calibrated_engine(backbone, Preprocessing(), sorted(colours.rglob("*.png")))
    assert set(log.read_text().splitlines()) == {"openvino true", "nncf true"}


@pytest.mark.parametrize("capabilities", [{"avx_vnni": True}, {}])
def test_a_model_whose_8_bit_network_is_gone_names_images_in_float32_with_a_warning(
    capabilities: dict[str, bool], capable: Capabilities, fake_network: WeightsRecord,
    colours: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    capable(capabilities)
    head = Head(10 * torch.eye(3, 2048), torch.zeros(3))
    model = Model(["red", "green", "blue"], head, Preprocessing(), fake_network,
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
def test_there_is_no_kept_network_of_another_arithmetic_or_an_unknown_key(
    arithmetic: str, fake_network: WeightsRecord
) -> None:
    assert kept_engine(arithmetic, fake_network) is None
