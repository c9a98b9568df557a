"""Many threads of a program name images at once: the same bits, and nobody's threads change."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.processes import run_python
from torch_inception.system.cache_folder import CACHE_VARIABLE

HOST = """
import concurrent.futures, json, sys, threading
import torch
from PIL import Image
from tests.drawings import landscape
from torch_inception import Classifier, FeatureExtractor
from torch_inception.classifier.model_file import Model
from torch_inception.heads.head import Head
from torch_inception.images.preprocess import Preprocessing
from torch_inception.network import LAST_LAYER_SIZE

if sys.argv[1] != "none":
    torch.set_num_threads(int(sys.argv[1]))
engine = FeatureExtractor(sys.argv[2]).engine
head = Head(torch.randn(50, LAST_LAYER_SIZE), torch.zeros(50))
model = Model([f"class {n}" for n in range(50)], head, Preprocessing(), engine.record)
classifier = Classifier(model, engine)
images = [Image.fromarray(landscape(size)) for size in (60, 90, 120)]

counts, over = [], threading.Event()

def count():
    counts.append(torch.get_num_threads())

def in_a_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

def work_beside():
    maps, kernel = torch.rand(1, 16, 60, 60), torch.rand(16, 16, 3, 3)
    while not over.is_set():
        torch.nn.functional.conv2d(maps, kernel)
        torch.rand(300, 300) @ torch.rand(300, 300)
        count()
        in_a_thread(count)

answers = []

def name(call):
    count()
    number = call % len(images)
    answers.append((number, repr(classifier.predict(images[number], top=50))))
    count()

for number in range(len(images)):
    name(number)
beside = threading.Thread(target=work_beside)
beside.start()
with concurrent.futures.ThreadPoolExecutor(8) as threads:
    list(threads.map(name, range(48)))
for call in range(48):
    in_a_thread(lambda: name(call))
over.set()
beside.join()
in_a_thread(count)
print(json.dumps({
    "calls": len(answers), "different answers": len(set(answers)), "threads": sorted(set(counts)),
    "torch's own": torch.get_num_threads(),
}))
"""


@pytest.mark.parametrize("threads", ["none", "4", "2", "1"])
def test_calls_from_many_threads_give_the_same_bits_and_change_no_number_of_threads(
    threads: str, random_weights: Path, own_cache: Path, long: bool
) -> None:
    if threads != "4" and not long:
        pytest.skip("part of the long form")
    environment = {**os.environ, CACHE_VARIABLE: str(own_cache)}
    done = run_python(HOST, threads, random_weights, environment=environment)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["calls"] == 99
    assert told["different answers"] == 3, "one for each image"
    assert told["threads"] == [told["torch's own"]]
    if threads != "none":
        assert told["torch's own"] == int(threads)
