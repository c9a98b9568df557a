"""`torch-inception export --format web`: a folder that any web server gives, and a real browser."""

import base64
import dataclasses
import functools
import hashlib
import http.server
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy
import pytest
from PIL import Image, ImageOps

from tests.browser import log_of, open_page, requested, wait_for
from tests.drawings import draw_colours, encoded, landscape
from tests.page.service import PAGE, serve
from torch_inception.classifier.classifier import Classifier
from torch_inception.commands.main import main
from torch_inception.config import ExportConfig
from torch_inception.export.export_model import settled
from torch_inception.export.run_exported import open_exported
from torch_inception.images.preprocess import Preprocessing
from torch_inception.system.cache_folder import CACHE_VARIABLE, cache_folder
from torch_inception.training.train_classifier import train_classifier

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


class Exported(NamedTuple):
    """The run, the folder that was written, and what the command told."""

    run: Path
    folder: Path
    told: str


@pytest.fixture(scope="session")
def web(
    tmp_path_factory: pytest.TempPathFactory, real_cache: Path,
) -> Exported:  # fmt: skip
    """Export a run on real weights, whose answers show differences."""
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("web")
    draw_colours(folder / "colours", count=20)
    at_hand = cache_folder() / "downloads" / "onnxruntime-web"
    if at_hand.is_dir():
        shutil.copytree(at_hand, real_cache / "downloads" / at_hand.name)
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(real_cache))
        patch.setattr("sys.stdout", stream)
        train_classifier(
            folder / "colours", output=folder / "run", weights="npm:nsfwjs", report=False
        )
        assert main(["export", str(folder / "run"), "--format", "web"]) == 0
    return Exported(folder / "run", folder / "run" / "web", stream.getvalue())


class _Files(http.server.SimpleHTTPRequestHandler):
    """What `python -m http.server` answers with, quietly."""

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def address(web: Exported) -> Iterator[str]:
    with serve(functools.partial(_Files, directory=str(web.folder))) as found:
        yield found


@pytest.mark.real_weights
def test_the_folder_has_all_that_the_page_needs(web: Exported) -> None:
    names = {each.relative_to(web.folder).as_posix() for each in web.folder.rglob("*.*")}
    static = {f"static/{each.name}" for each in PAGE.iterdir()}
    static -= {"static/index.html", "static/service.js"}
    runtime = {"static/onnxruntime.js", "static/onnxruntime.wasm"}
    assert names == {"index.html", "model.onnx", "metadata.json"} | static | runtime
    assert "58 MB: model.onnx 44 MB, static/onnxruntime.wasm 14 MB" in web.told
    page = (web.folder / "index.html").read_text(encoding="utf-8")
    assert "service.js" not in page
    assert "connect-src 'self'" in page
    assert [each.name for each in web.run.iterdir() if each.name.startswith(".")] == []


@pytest.mark.real_weights
def test_it_says_what_it_is_as_teachable_machine_does(web: Exported) -> None:
    said = json.loads((web.folder / "metadata.json").read_bytes())
    assert said.keys() == {"modelName", "labels", "imageSize", "timeStamp", "userMetadata"}
    assert (said["modelName"], said["imageSize"]) == ("run", 299)
    assert said["labels"] == ["blue", "green", "red"]
    more = said["userMetadata"]
    assert (more["precision"], more["shorter_side"]) == ("fp16", 598)
    assert more["weights_source"] == "npm:nsfwjs"
    assert 0 < more["accuracy"] <= 1
    assert more["accuracy_of"] == "training images, each left out"  # few are tested
    assert 0 < more["accuracy_n"] < 60
    for name, file in more["files"].items():
        content = (web.folder / name).read_bytes()
        assert file == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert str(web.run.parent) not in json.dumps(said)


def test_its_precision_is_fp16_unless_it_is_named() -> None:
    assert settled(ExportConfig(format="web")).precision == "fp16"
    assert settled(ExportConfig(format="web", precision="int8")).precision == "int8"
    assert settled(ExportConfig(format="onnx")).precision == "fp32"


LOAD = """
const done = arguments[0];
window.worker = new Worker("static/runtime_worker.js", {type: "module"});
fetch("metadata.json").then(response => response.json()).then(about => {
  worker.onmessage = ({data}) => data.progress === undefined && done(data);
  worker.postMessage({number: 1, about});
});
"""

ASK = """
const [bytes, done] = arguments;
const content = Uint8Array.from(atob(bytes), each => each.charCodeAt(0));
worker.onmessage = ({data}) => {
  const map = {grey: [...data.answer.map.grey], box: data.answer.map.box};
  done({...data.answer, map});
};
worker.postMessage({number: 2, image: new Blob([content])});
"""


def ten_images() -> list[bytes]:
    """Return files of many kinds and shapes; the last two are reduced before they are resized."""
    image, turned = Image.fromarray(landscape(320)), Image.Exif()
    turned[0x0112] = 6
    clear = image.copy()
    clear.putalpha(Image.linear_gradient("L").resize(image.size))
    return [
        encoded(image),
        encoded(image, "JPEG", quality=90),
        encoded(image.resize((500, 280)), "WEBP", lossless=True),
        encoded(image.resize((200, 310)), "GIF"),
        encoded(image.convert("L"), "JPEG", quality=95),
        encoded(image.resize((400, 250)), "JPEG", exif=turned),
        encoded(clear),
        encoded(image.resize((40, 30)), "BMP"),
        encoded(image.resize((1600, 1250), Image.Resampling.BICUBIC), "JPEG", quality=92),
        encoded(image.resize((2501, 3001), Image.Resampling.BICUBIC), "JPEG", quality=92),
    ]


@pytest.mark.real_weights
@pytest.mark.browser
def test_answers_are_pythons_on_ten_images(
    browser: "Chrome", web: Exported, address: str, real_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv(CACHE_VARIABLE, str(real_cache))
    classifier = Classifier.load(web.run, device="cpu")
    run = open_exported(web.folder / "model.onnx")
    open_page(browser, f"{address}metadata.json")  # which runs no model of its own
    browser.execute_async_script(LOAD)
    for number, content in enumerate(ten_images()):
        found: dict[str, Any] = browser.execute_async_script(
            ASK, base64.b64encode(content).decode()
        )
        scores = {each["label"]: each["score"] for each in found["predictions"]}
        in_order = numpy.array([scores[label] for label in classifier.labels])
        assert in_order == pytest.approx(classifier.predict_proba([content])[0], abs=0.02)
        assert found["known"] == classifier.distance(content).known
        if number < 2:  # what is decoded to the same pixels
            pixels = numpy.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
            same = run(pixels)
            assert in_order == pytest.approx(same["probabilities"], abs=1e-5)
            grey = 128 + 127 * same["map"] / abs(same["map"]).max()
            assert numpy.array(found["map"]["grey"]) == pytest.approx(grey.ravel(), abs=1)


@pytest.mark.real_weights
@pytest.mark.browser
def test_once_it_is_loaded_it_answers_without_any_server(
    browser: "Chrome", web: Exported, tmp_path: Path
) -> None:
    path = tmp_path / "house.png"
    Image.fromarray(landscape(200)).save(path)
    with serve(functools.partial(_Files, directory=str(web.folder))) as address:
        open_page(browser, address)
        wait_for(browser, "document.querySelector('#about').innerText")
    browser.find_element("id", "files").send_keys(str(path))
    wait_for(browser, "document.querySelector('.card .bars')")
    assert len(browser.find_elements("css selector", ".bars li")) == 3
    browser.find_element("id", "use-camera").click()
    wait_for(browser, "document.querySelector('#live .bars')")
    browser.find_element("id", "stop-camera").click()
    assert log_of(browser, "browser") == []
    assert all(each.startswith(address) for each in requested(browser))


@pytest.mark.real_weights
@pytest.mark.browser
def test_a_file_that_is_missing_is_told(browser: "Chrome", web: Exported, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(web.folder, folder, ignore=shutil.ignore_patterns("model.onnx"))
    with serve(functools.partial(_Files, directory=str(folder))) as address:
        open_page(browser, address)
        wait_for(browser, "document.querySelector('#status').innerText")
        status = browser.find_element("id", "status").text
        errors = [entry["message"] for entry in log_of(browser, "browser")]
    assert status == "The file model.onnx beside this page cannot be loaded."
    assert all("model.onnx" in error for error in errors)


def test_without_npm_it_is_told_at_once(
    plain_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    pytest.importorskip("onnxscript")
    monkeypatch.setenv("PATH", str(tmp_path))
    output = tmp_path / "web"
    assert main(["export", str(plain_run), "--format", "web", "--output", str(output)]) == 1
    told = capsys.readouterr().err
    assert "the format web needs onnxruntime-web of npm" in told
    assert "npm is not installed" in told
    assert not output.exists()


def test_a_model_of_deep_images_is_refused(
    plain_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxscript")
    trained = Classifier.load(plain_run, device="cpu")
    preprocessing = Preprocessing(intensity="1000,5000")
    model = dataclasses.replace(trained.model, preprocessing=preprocessing)
    Classifier(model, trained.engine).save(tmp_path / "model.pt")
    assert main(["export", str(tmp_path / "model.pt"), "--format", "web"]) == 1
    assert "browsers read 8 bits" in capsys.readouterr().err
    assert not (tmp_path / "web").exists()
