"""Names out of a stranger's model: exact in files, and never obeyed by a terminal."""

import csv
import io
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.fakes import FAKE_RECORD, FakeEngine
from torch_inception.classifier.classifier import Classifier
from torch_inception.classifier.model_file import Model, save_model
from torch_inception.commands.outputs import write_answers
from torch_inception.commands.predict import main
from torch_inception.errors import ImageError
from torch_inception.heads.head import Head
from torch_inception.images.preprocess import Preprocessing
from torch_inception.network import LAST_LAYER_SIZE

LABELS = [
    "\x1b]0;title\x07\x1b[2J", "two\nerror: lines\r", "\u202egnp.exe", "nul\0", "del\x7f\x9b31m",
    'quote", comma', "\u732b",
]  # fmt: skip


@pytest.fixture
def model(tmp_path: Path) -> Path:
    head = Head(torch.zeros(len(LABELS), LAST_LAYER_SIZE), torch.arange(len(LABELS)).float())
    path = tmp_path / "model.pt"
    save_model(Model(LABELS, head, Preprocessing(), FAKE_RECORD), path)
    return path


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.png"
    Image.new("RGB", (8, 8)).save(path)
    return path


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def is_obeyed(text: str) -> bool:
    return not all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.parametrize("style", ["text", "json", "csv"])
def test_a_terminal_is_shown_escaped_labels(style: str, model: Path, image: Path) -> None:
    output = Terminal()
    bad = image.with_name("\x1b[2J\n.png")
    bad.write_bytes(b"no image")
    write_answers(
        Classifier.load(model, engine=FakeEngine()), [image, bad], top=9, style=style,  # type: ignore[arg-type]
        headings=False, output=output,
    )  # fmt: skip
    text = output.getvalue()
    assert not is_obeyed(text)
    assert "title" in text
    # One line a label or an image, whatever the labels hold.
    assert len(text.splitlines()) == {"text": 8, "json": 2, "csv": 9}[style]


@pytest.mark.parametrize("style", ["text", "json", "csv"])
def test_a_terminal_is_shown_escaped_errors(
    style: str, model: Path, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = ImageError("\x1b[2J\nerror: not this")
    monkeypatch.setattr(
        Classifier, "predict_stream", lambda _, paths, **__: (error for path in paths)
    )
    output = Terminal()
    write_answers(
        Classifier.load(model, engine=FakeEngine()), [image], top=1, style=style,  # type: ignore[arg-type]
        headings=False, output=output,
    )  # fmt: skip
    assert not is_obeyed(output.getvalue())
    assert "\nerror: not" not in output.getvalue()


def test_files_get_labels_as_they_are(
    model: Path, image: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for style in ("csv", "json"):
        assert (
            main(
                [str(image), "--model", str(model), "--top", "9", "--format", style],
                engine=FakeEngine(),
            )
            == 0
        )
        out = capfd.readouterr().out
        if style == "csv":
            found = [row["label"] for row in csv.DictReader(io.StringIO(out, newline=""))]
        else:
            found = [each["label"] for each in json.loads(out)["predictions"]]
        assert found == LABELS[::-1]


def test_what_a_model_says_of_its_weights_is_shown_escaped(
    model: Path, capsys: pytest.CaptureFixture[str], image: Path
) -> None:
    content = torch.load(model, weights_only=True)
    content["record"] |= {"version": "1\nerror: \x1b[2J" + "x" * 4000, "fingerprint": "0" * 64}
    torch.save(content, model)
    assert main([str(image), "--model", str(model)], engine=FakeEngine()) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert not is_obeyed(err)
    assert [line for line in err.splitlines() if line.startswith("error: ")] == [
        err.splitlines()[-1]
    ]
    assert len(err) < 2000
