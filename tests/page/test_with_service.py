"""The page and the real service together."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("python_multipart")
pytest.importorskip("prometheus_client")

from tests.browser import log_of, open_page, requested, wait_for
from tests.fakes import MappingEngine
from tests.page.service import CONTENT_SECURITY_POLICY
from tests.report.runs import make_run
from tests.service.asking import Server, serving
from torch_inception.classifier.classifier import Classifier
from torch_inception.service.classifier_model import ClassifierModel
from torch_inception.system.cache_folder import CACHE_VARIABLE

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.browser

TOKEN = "a secret + more"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train on coloured squares; the folder has `run` and `images`."""
    folder = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, os.fspath(folder / "cache"))
        make_run(folder, report=False)
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    model = ClassifierModel.load(folder / "run" / "model.pt", engine=MappingEngine())
    with serving(model, token=TOKEN) as found:
        yield found


def test_the_answer_is_pythons_with_map_and_nearest_training_images(
    browser: "Chrome", server: Server, folder: Path
) -> None:
    image = folder / "images" / "1_007.png"
    classifier = Classifier.load(folder / "run", engine=MappingEngine())
    label, score = classifier.predict(image)[0]
    address = f"http://127.0.0.1:{server.port}/"
    open_page(browser, f"{address}#token=a%20secret%20%2B%20more")
    browser.find_element("id", "files").send_keys(str(image))
    wait_for(browser, "document.querySelector('.card .neighbours')")
    first = browser.find_element("css selector", ".bars li").text.split("\n")
    assert first[0] == label
    assert float(first[1].strip("<> %")) == pytest.approx(100 * score, abs=0.1)
    assert len(browser.find_elements("css selector", ".card .map")) == 1
    wait_for(browser, "document.querySelectorAll('.neighbours img').length === 3")
    wait_for(browser, "[...document.querySelectorAll('.neighbours img')].every(each => each.width)")
    browser.find_element("id", "use-camera").click()
    wait_for(browser, "document.querySelector('#live .bars')")
    browser.find_element("id", "stop-camera").click()
    assert log_of(browser, "browser") == []
    assert all(each.startswith((address, "blob:")) for each in requested(browser))


def test_the_service_that_is_played_has_the_same_policy(server: Server) -> None:
    reply = server.ask("/")
    assert reply.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


def test_without_the_token_it_is_asked_for(browser: "Chrome", server: Server) -> None:
    open_page(browser, f"http://127.0.0.1:{server.port}/?again")
    wait_for(browser, "document.querySelector('#status').innerText.includes('#token=')")
