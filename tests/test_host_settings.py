"""The library in a program that has settings of its own: answers are the same, settings stay."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.drawings import draw_colours
from tests.processes import run_python
from torch_inception.system.cache_folder import CACHE_VARIABLE

HOST = """
import contextlib, hashlib, json, pathlib, random, sys, threading, warnings
import numpy, torch
import sympy  # torch does so when it is first needed, and sympy adds a filter of warnings
from PIL import Image

def now():
    threads = [torch.get_num_threads()]
    other = threading.Thread(target=lambda: threads.append(torch.get_num_threads()))
    other.start(), other.join()
    return {
        "threads": threads,
        "type": str(torch.get_default_dtype()),
        "device": str(torch.get_default_device()),
        "gradients": [torch.is_grad_enabled(), torch.is_inference_mode_enabled()],
        "cast": [torch.is_autocast_enabled("cpu"), str(torch.get_autocast_dtype("cpu"))],
        "products": torch.get_float32_matmul_precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "onednn": torch.backends.mkldnn.enabled,
        "cudnn": [torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark],
        "numpy": numpy.geterr(),
        "warnings": repr(warnings.filters),
        "drawn": digest(torch.get_rng_state(), numpy.random.get_state(), random.getstate()),
    }

def digest(*values):
    return hashlib.sha256(repr([each.tolist() if hasattr(each, "tolist") else each
                                for each in values]).encode()).hexdigest()

def answers():
    from torch_inception import Classifier, FeatureExtractor, train_classifier
    images = [Image.new("RGB", (40, 30), colour) for colour in ("red", "teal", "olive")]
    extractor = FeatureExtractor("random.pth")
    found = {"rows": digest(extractor([*images, next(pathlib.Path("colours").rglob("*.png"))]))}
    for solver in ("lda", "lbfgs", "sgd"):
        trained = train_classifier(
            "colours", output=solver, solver=solver, steps=20, engine=extractor.engine
        )
        head = torch.load(pathlib.Path(solver, "model.pt"), weights_only=True, map_location="cpu")
        found[solver] = [
            digest(head["weight"], head["bias"]), trained.metrics["test"],
            trained.classifier.predict(images),
        ]
    found["loaded"] = Classifier.load("lda").predict(images)
    return found

kept = contextlib.ExitStack()
exec(sys.argv[1])
before = now()
found = answers()
with open("told.json", "w") as file:
    json.dump({"answers": found, "before": before, "after": now()}, file)
"""
"""A program that sets something, trains with each solver, names images, and tells how all is."""

SETTINGS = {
    "double precision": "torch.set_default_dtype(torch.float64)",
    "half precision": "torch.set_default_dtype(torch.float16)",
    "another device": "torch.set_default_device('meta')",
    "another device for a while": "kept.enter_context(torch.device('meta'))",
    "no gradients": "torch.set_grad_enabled(False)",
    "inference mode": "kept.enter_context(torch.inference_mode())",
    "automatic casts": "kept.enter_context(torch.autocast('cpu', dtype=torch.bfloat16))",
    "deterministic algorithms": "torch.use_deterministic_algorithms(True)",
    "products that are less exact": "torch.set_float32_matmul_precision('medium')",
    "no oneDNN": "kept.enter_context(torch.backends.mkldnn.flags(enabled=False))",
    "TF32 and benchmarks of cuDNN":
        "torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True",
    "one thread": "torch.set_num_threads(1)",
    "four threads": "torch.set_num_threads(4)",
    "numpy's errors": "numpy.seterr(all='raise')",
    "warnings as errors": "warnings.simplefilter('error')",
}  # fmt: skip

TOGETHER = {
    "all that fit together": [
        "double precision", "another device", "no gradients", "automatic casts",
        "deterministic algorithms", "products that are less exact", "four threads",
        "numpy's errors", "warnings as errors",
    ],
    "the others": ["half precision", "inference mode", "no oneDNN", "one thread"],
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, random_weights: Path) -> Path:
    """Give a folder with a data set and weights."""
    folder = tmp_path_factory.mktemp("host")
    draw_colours(folder / "colours", count=6)
    (folder / "random.pth").symlink_to(random_weights)
    return folder


def told_by_host(place: Path, setting: str) -> dict[str, Any]:
    """Run the program with a cache of its own."""
    cache = place / "caches" / str(len(list(place.glob("caches/*"))))
    cache.mkdir(parents=True)
    environment = {**os.environ, CACHE_VARIABLE: str(cache)}
    done = run_python(HOST, setting, folder=place, environment=environment)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads((place / "told.json").read_text())
    return told


@pytest.fixture(scope="module")
def plain(place: Path) -> dict[str, Any]:
    """Give what is told where nothing was set."""
    told = told_by_host(place, "")
    assert told["before"] == told["after"]
    answers: dict[str, Any] = told["answers"]
    return answers


def check(name: str, setting: str, place: Path, plain: dict[str, Any]) -> None:
    told = told_by_host(place, setting)
    assert told["before"] == told["after"], name
    assert told["answers"] == plain, name


@pytest.mark.parametrize("name", TOGETHER)
def test_settings_of_the_program_change_no_answer_and_stay(
    name: str, place: Path, plain: dict[str, Any]
) -> None:
    check(name, "\n".join(SETTINGS[each] for each in TOGETHER[name]), place, plain)


@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_alone(name: str, place: Path, plain: dict[str, Any], long: bool) -> None:
    if not long:
        pytest.skip("part of the long form; the short one has several settings at once")
    check(name, SETTINGS[name], place, plain)
