"""The model card of a run: `README.md`, Markdown under a header that the Hugging Face hub reads."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch_inception.answers.accuracy import FEW_TESTED
from torch_inception.answers.shares import percent
from torch_inception.answers.training_record import TrainingRecord, in_words
from torch_inception.classifier.model_file import MODEL_FILE, Model
from torch_inception.config import TrainConfig, setting_in_words
from torch_inception.heads.head import IndependentHead
from torch_inception.heads.metrics import summary_in_words
from torch_inception.system.escape import counted, printable
from torch_inception.training.evaluation import JUDGED_ON
from torch_inception.training.report_lines import limits, number
from torch_inception.weights.record import WeightsRecord
from torch_inception.weights.sources import npm

CARD_FILE = "README.md"

_SEAL = (
    "<!-- torch-inception wrote this file. Once a character above is changed, later runs leave it "
    "as it is. SHA-256 of what is above: "
)
"""Stands before the hash in a card's last line."""


def model_card(config: TrainConfig, model: Model, metrics: Mapping[str, Any]) -> str:
    """Return the card of a run; of paths of this machine it has none, but for a name of the data.

    The header is that of the hub's specification (huggingface/hub-docs, `modelcard.md`).

    Args:
        config: as resolved.
        model: of the run.
        metrics: what `make_metrics` gave.
    """
    assert model.training is not None
    name = _data_name(config)
    several = isinstance(model.head, IndependentHead)
    lines = [
        *_header(name, metrics),
        *("", f"# {markdown(name)}", ""),
        f"An image classifier of {_classes(len(model.labels), several=several)}: a frozen "
        "Inception-v3, and a linear head that was fitted on its features.",
        *_training(name, model.training),
        *(_quality_of_several(metrics) if several else _quality(metrics)),
        *_use(several=several),
        *_limits(model),
        *_settings(config, model.training),
        "",
    ]
    text = "\n".join(lines)
    return f"{text}{_SEAL}{_digest(text)} -->\n"


def _classes(count: int, *, several: bool) -> str:
    if count == 1:
        return "1 class, which an image has or has not"
    return f"{count} classes{', of which an image can have several or none' * several}"


def is_as_a_run_left_it(card: Path) -> bool:
    """Tell whether a file is a card that nobody has changed; False where it cannot be read."""
    try:
        text = card.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    above, _, rest = text.rpartition(_SEAL)
    return rest == f"{_digest(above)} -->\n"


def markdown(text: str) -> str:
    """Write text that is shown as it is, also in a cell of a table.

    Every punctuation character of ASCII can be escaped (CommonMark 0.31, section 2.4), which ends
    markup, HTML, links and columns.
    """
    return re.sub(r"[!-,./:-@\[-`{-~]", r"\\\g<0>", printable(text))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _data_name(config: TrainConfig) -> str:
    """Return the name of the data folder or table."""
    return dataclasses.replace(config, output="").output_folder.name or "images"


def _header(name: str, metrics: Mapping[str, Any]) -> list[str]:
    return [
        "---",
        "library_name: torch-inception",
        "pipeline_tag: image-classification",
        *("tags:", "- image-classification", "- inception-v3", "- transfer-learning"),
        *("metrics:", *(["- f1"] if "micro_f1" in metrics["test"] else ["- accuracy", "- f1"])),
        *_model_index(name, metrics["test"]),
        "---",
    ]


def _model_index(name: str, test: Mapping[str, Any]) -> list[str]:
    """Return the figures as the hub reads them; nothing where no image was tested."""
    # Of images that may have several labels, there is no F1 where none has any.
    if not test["n"] or test["macro_f1"] is None:
        return []
    # JSON's text is YAML's too, once nothing is left in it that cannot be shown.
    quoted = json.dumps(printable(name), ensure_ascii=False)
    accuracy, f1, count = test.get("accuracy"), test["macro_f1"], f"(N={test['n']})"
    return [
        *("model-index:", f"- name: {quoted}", "  results:"),
        *("  - task:", "      type: image-classification"),
        *("    dataset:", "      type: imagefolder", f"      name: {quoted}", "      split: test"),
        "    metrics:",
        *([] if accuracy is None else _metric("accuracy", accuracy, f"Accuracy {count}")),
        *_metric("f1", f1, f"Macro F1 {count}"),
    ]


def _metric(kind: str, value: float, name: str) -> list[str]:
    return [f"    - type: {kind}", f"      value: {value:.6f}", f"      name: {name}"]


def _training(name: str, training: TrainingRecord) -> list[str]:
    return [
        *("", "## Training", ""),
        f"{counted(training.images, 'image')} of {markdown(name)}, {in_words(training.created)}, "
        f"torch_inception {training.version}.",
    ]


def _quality(metrics: Mapping[str, Any]) -> list[str]:
    parts = _parts(metrics)
    return [
        *("", "## Accuracy", ""),
        *(f"- {JUDGED_ON[part]}: {_summary(metrics[part])}" for part in parts),
        *_class_table(
            metrics,
            parts,
            "Recall is the share of a class's images that were named right, precision the share of "
            "right answers among those that name the class.",
        ),
    ]


def _quality_of_several(metrics: Mapping[str, Any]) -> list[str]:
    """Return the figures where an image may have several labels."""
    parts = _parts(metrics)
    return [
        *("", "## Accuracy", ""),
        *(
            f"- {JUDGED_ON[part]} (N={metrics[part]['n']}): mean average precision "
            f"{number(metrics[part]['mean_average_precision'])}, F1 "
            f"{number(metrics[part]['micro_f1'])} over all labels, "
            f"{percent(metrics[part]['exact_match'])} of the images with all labels right"
            for part in parts
            if metrics[part]["n"]
        ),
        *_class_table(
            metrics,
            parts,
            "Recall is the share of the images with a label that were named with it, precision the "
            "share of right ones among those that were.",
        ),
    ]


def _parts(metrics: Mapping[str, Any]) -> list[str]:
    """Return the parts that the head was judged by, those that say most first."""
    parts = [part for part in JUDGED_ON if part in metrics]
    if "leave_one_out" in metrics and metrics["test"]["n"] < FEW_TESTED:
        parts.reverse()
    return parts


def _class_table(metrics: Mapping[str, Any], parts: Sequence[str], meaning: str) -> list[str]:
    """Return recall and precision of each class in the first part that has images.

    Args:
        metrics: what `make_metrics` gave.
        parts: of these, in order.
        meaning: of recall and precision.
    """
    judged = next((part for part in parts if metrics[part]["n"]), parts[-1])
    rows = [
        f"| {markdown(label)} | {metrics['counts'][label].get('train', 0)} | {each['n']} | "
        f"{_share(each, 'recall')} | {_share(each, 'precision')} |"
        for label, each in metrics[judged]["per_class"].items()
    ]
    return [
        "",
        f"{meaning} Both are of the {JUDGED_ON[judged]}, with 95% intervals.",
        *("", "| class | trained on | judged on | recall | precision |"),
        *("| --- | ---: | ---: | --- | --- |", *rows),
    ]


def _summary(report: Mapping[str, Any]) -> str:
    """Return the accuracy of a part, and what it does not tell."""
    return "; ".join(
        [summary_in_words(report), *(markdown(line.strip()) for line in limits(report))]
    )


def _share(of_class: Mapping[str, Any], name: str) -> str:
    """Return a share of a class with its interval."""
    interval = of_class[f"{name}_interval_95"]
    if interval is None:
        return "n/a"
    return f"{percent(of_class[name])} ({percent(interval[0])} to {percent(interval[1])})"


def _use(*, several: bool) -> list[str]:
    named = ['print(classifier.predict("IMAGE", top=3))']
    if several:
        named = [
            'scores = classifier.predict("IMAGE", top=len(classifier.labels))',
            "print([label for label, score in scores if score >= classifier.thresholds[label]])",
        ]
    return [
        *("", "## Use", "", "```sh", "torch-inception predict --model FOLDER IMAGE", "```"),
        *("", "```python", "from torch_inception import Classifier", ""),
        *('classifier = Classifier.load("FOLDER")', *named),
        *("```", "", "FOLDER is the one that this file is in."),
    ]


def _limits(model: Model) -> list[str]:
    several = isinstance(model.head, IndependentHead)
    answers = "some or none" if several else "one"
    images = "--labels TABLE.csv" if several else "IMAGES"
    return [
        *("", "## Limits", ""),
        f"- It answers with {answers} of these classes, whatever an image shows. Of an image that "
        "is unlike the training images it says so, but not of every such image.",
        "- A score is a probability that was calibrated on images like the training images. For "
        "other images, such as those of another camera, accuracy and scores can be worse: "
        f"`torch-inception evaluate FOLDER {images}` measures it.",
        f"- The network is {'in' if model.network else 'not in'} `{MODEL_FILE}`. "
        f"{_weights(model.record)}",
    ]


def _weights(record: WeightsRecord) -> str:
    """Tell whose weights the network has, and what is known of them."""
    name = markdown(" ".join(dict.fromkeys([source_name(record), record.version])))
    return f"Its weights are {name}, SHA-256 {record.fingerprint}. {licence(record)}"


def source_name(record: WeightsRecord) -> str:
    """Return the source of weights; of a file only the name, since its path is nobody's concern."""
    return Path(record.source).name if Path(record.source).is_absolute() else record.source


def licence(record: WeightsRecord) -> str:
    """Tell what is known of the licence of weights."""
    if npm.SOURCE in (record.source, record.lineage):
        return (
            "They were made for a filter of pornographic images (MIT licence), from some that were "
            "pretrained on ImageNet."
        )
    return "Their licence is that of their source."


def _settings(config: TrainConfig, training: TrainingRecord) -> list[str]:
    """Return the settings that are not the defaults, but for those that are paths."""
    changed = [
        f"- {field.name}: {markdown(setting_in_words(getattr(config, field.name)))}"
        for field in dataclasses.fields(TrainConfig)
        if not field.metadata["is_path"] and getattr(config, field.name) != field.default
    ]
    return [
        *("", "## Settings", ""),
        f"Paths and weights aside, the defaults of torch_inception {training.version}"
        f"{', but for:' if changed else '.'}",
        *(["", *changed] if changed else []),
    ]
