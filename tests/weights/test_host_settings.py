"""Settings of the program around the library change nothing in weights, and break nothing."""

import json
import subprocess
import sys
from pathlib import Path

from safetensors.torch import save_file

from tests.fakes import random_state
from tests.weights import graphs
from tests.weights.keras_models import inception, write_tensorflow_js
from tests.weights.test_keras_file import write_archive
from torch_inception.weights.load import load_weights

LOAD = """
import json, sys
from pathlib import Path
import numpy, torch
torch.set_default_dtype(torch.float64)
torch.set_default_device("meta")
numpy.seterr(all="raise")
from torch_inception.weights.formats import state_file
from torch_inception.weights.load import load_weights
found = {}
for path in sys.argv[2:]:
    weights = load_weights(path, need_classifier=True)
    converted = Path(sys.argv[1], Path(path).name + ".pth")
    state_file.save(weights, converted)
    found[path] = [weights.record.as_dict(), load_weights(converted).record.fingerprint]
    found[path] += [str(weights.classifier[0].dtype), str(weights.classifier[0].device)]
assert torch.get_default_dtype() == torch.float64
assert torch.get_default_device().type == "meta"
assert set(numpy.geterr().values()) == {"raise"}
print(json.dumps(found))
"""


def test_weights_of_every_format_are_the_same_under_them(tmp_path: Path) -> None:
    layers = inception(top=1000)
    write_archive(tmp_path / "model.keras", layers)
    write_tensorflow_js(tmp_path / "model", layers, dtype="uint8")
    graphs.label_map(tmp_path, list(range(1, 1001)))
    graphs.saved(tmp_path, graphs.with_softmax(graphs.inception()))
    save_file(random_state(), tmp_path / "model.safetensors")
    names = ("model.keras", "model", "graph.pb", "model.safetensors")
    expected = {}
    for path in [str(tmp_path / name) for name in names]:
        record = load_weights(path).record
        values = json.loads(json.dumps(record.as_dict()))
        expected[path] = [values, record.fingerprint, "torch.float32", "cpu"]
    (tmp_path / "converted").mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOAD, str(tmp_path / "converted"), *expected],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected
