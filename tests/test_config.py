"""Settings: every field is a TOML key, wrong values are named, and what is written reads back."""

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy
import pytest

from torch_inception.config import (
    AuditConfig,
    EvaluateConfig,
    ExportConfig,
    FeaturesConfig,
    PredictConfig,
    SortConfig,
    TrainConfig,
    make_config,
    parse_channels,
    parse_intensity,
    parse_page,
    parse_thresholds,
    read_toml,
    setting,
    to_toml,
)
from torch_inception.errors import ConfigError
from torch_inception.system.write import write_text


def another_value(kind: type[Any], name: str) -> Any:  # noqa: ANN401
    """Return a value of a field that is right and is not its default."""
    hint = get_type_hints(kind)[name]
    default = next(f.default for f in dataclasses.fields(kind) if f.name == name)
    if get_origin(hint) is Literal:
        return next(choice for choice in get_args(hint) if choice != default)
    others = {
        "coverage": 0.95, "views": 4, "group": "(some)", "intensity": "0,4095", "page": "max",
        "channels": "2,1", "threshold": ("a=b=0.25", "c=1.0"), "cluster": "a:1",
    }  # fmt: skip
    if name in others:
        return others[name]
    return {str: f"some {name}", int: 7, float: 0.25, bool: not default}[hint]


FIELDS = [
    pytest.param(kind, field.name, id=f"{kind.__name__}.{field.name}")
    for kind in (
        TrainConfig,
        PredictConfig,
        EvaluateConfig,
        AuditConfig,
        ExportConfig,
        FeaturesConfig,
        SortConfig,
    )
    for field in dataclasses.fields(kind)
]


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_every_field_has_a_default_a_help_line_and_is_a_key(kind: type[Any], name: str) -> None:
    value = another_value(kind, name)
    config = make_config(kind, {name: value}, origin="file")
    assert getattr(config, name) == value != getattr(kind(), name)
    assert dataclasses.replace(config, **{name: getattr(kind(), name)}) == kind()
    (field,) = (f for f in dataclasses.fields(kind) if f.name == name)
    assert len(field.metadata["help"]) > 10


def test_numbers_of_numpy_are_numbers() -> None:
    config = TrainConfig(holdout=numpy.float64(0.25), views=numpy.int64(2))  # type: ignore[arg-type]
    assert (config.holdout, config.views) == (0.25, 2)
    with pytest.raises(ConfigError, match="must be a number"):
        make_config(TrainConfig, {"learning_rate": 10**400}, origin="file")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            ("intensity", text)
            for text in ("", "own", "0", "5,5", "9,1", "0,nan", "0,inf", "1,2,3")
        ],
        *[("page", text) for text in ("0", "-1", "1.5", "min", "1,2", "²", "1" * 20)],
        *[("channels", text) for text in ("0", "1,2,3,4", "1,", "a", "1 2", ",")],
    ],
)
def test_what_means_nothing_for_deep_images_is_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name} = {re.escape(repr(value))}"):
        make_config(TrainConfig, {name: value}, origin="file")


@pytest.mark.parametrize(
    "texts", [("cat",), ("=0.5",), ("cat=",), ("cat=0",), ("cat=1.5",), ("cat=nan",), ("",)]
)
def test_what_is_no_threshold_is_refused(texts: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=r"is not NAME=SCORE with a score above 0 and at most 1"):
        TrainConfig(threshold=texts)


def test_a_label_of_a_threshold_may_hold_the_sign_and_has_one() -> None:
    assert parse_thresholds(["a=b=0.25", "c=1"]) == {"a=b": 0.25, "c": 1.0}
    with pytest.raises(ConfigError, match="the class 'c' has two"):
        TrainConfig(threshold=("c=0.5", "c=0.6"))


def test_the_range_pages_and_channels_that_settings_mean() -> None:
    assert parse_intensity("-1.5, 1e3") == (-1.5, 1000)
    assert parse_intensity("image") is parse_intensity("dataset") is None
    assert (parse_page(""), parse_page("12"), parse_page("max")) == (None, 12, "max")
    assert (parse_channels(""), parse_channels("3,1")) == ((), (3, 1))
    assert parse_channels(" 3 , 1") == (3, 1)


def test_the_defaults_are_the_documented_ones() -> None:
    config = TrainConfig()
    assert (config.data, config.weights) == ("training_dataset", "imagenet,npm:nsfwjs")
    assert (config.resize, config.class_weights, config.device) == ("squash", "equal", "auto")
    assert (config.learning_rate, config.strict) == (0.01, False)
    assert PredictConfig().top == 5
    assert PredictConfig().format == "text"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"solvr": "sgd"}, r"f\.toml: there is no setting 'solvr'; did you mean 'solver'\?"),
        ({"learning-rate": 0.1}, r"no setting 'learning-rate'; did you mean 'learning_rate'\?"),
        ({"hue": 1}, r"no setting 'hue'; known: data, output"),
        ({"steps": "many"}, r"f\.toml: steps = 'many' must be a whole number"),
        ({"steps": 1.5}, r"steps = 1\.5 must be a whole number"),
        ({"steps": True}, r"steps = True must be a whole number"),
        ({"learning_rate": "0.1"}, r"learning_rate = '0\.1' must be a number"),
        ({"learning_rate": False}, r"learning_rate = False must be a number"),
        ({"strict": 1}, r"strict = 1 must be true or false"),
        ({"data": 3}, r"data = 3 must be text"),
        ({"threshold": "cat=0.5"}, r"threshold = 'cat=0\.5' must be a list of texts"),
        ({"threshold": [0.5]}, r"threshold = \[0\.5\] must be a list of texts"),
        ({"output": ["a"]}, r"output = \['a'\] must be text"),
        ({"solver": "adam"}, r"f\.toml: solver = 'adam' is not one of .*lbfgs, sgd"),
        ({"resize": ["crop"]}, r"resize = \['crop'\] is not one of squash, crop, pad, tensorflow"),
        ({"steps": 0}, r"steps = 0 must be 1 or more"),
        ({"batch_size": -1}, r"batch_size = -1 must be 1 or more"),
        ({"eval_interval": 0}, r"eval_interval = 0 must be 1 or more"),
        ({"learning_rate": 0}, r"learning_rate = 0\.0 must be a number above 0"),
        ({"learning_rate": float("nan")}, r"learning_rate = nan must be a number above 0"),
        ({"learning_rate": float("inf")}, r"learning_rate = inf must be a number above 0"),
        ({"seed": -1}, r"seed = -1 must be 0 or more"),
        ({"seed": 2**63}, r"seed = 9223372036854775808 must be"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_wanted(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_config(TrainConfig, values, origin="f.toml")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seed", "x", "TrainConfig: seed = 'x' must be a whole number"),
        ("solver", "magic", "TrainConfig: solver = 'magic' is not one of lda, lbfgs, sgd"),
        ("strict", 1, "TrainConfig: strict = 1 must be true or false"),
    ],
)
def test_a_wrong_value_is_refused_by_the_class_itself(
    name: str, value: object, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig(**{name: value})  # type: ignore[arg-type]


def test_a_wrong_number_of_classes_to_show_is_named() -> None:
    with pytest.raises(ConfigError, match="top = 0 must be 1 or more"):
        make_config(PredictConfig, {"top": 0}, origin="command line")


def test_whole_numbers_and_paths_are_taken_where_they_fit() -> None:
    config = make_config(
        TrainConfig, {"learning_rate": 1, "data": Path("a") / "b", "seed": 2**63 - 1}, origin="call"
    )
    assert isinstance(config.learning_rate, float)
    assert config.learning_rate == 1.0
    assert config.data == str(Path("a/b"))


ODD_TEXTS = [
    "a b",
    'say "cheese"',
    "it's",
    "back\\slash\\u0041",
    "new\nline\r\ttab",
    "\x00\x01\x1f\x7f\x80",
    "# no comment = [x]",
    "круг 三角 🐼",
    "\u2028\ufeff",
]


NO_TEXTS = ["caf\udce9", "\udc80\udcff\\", "back\\\udce9", "back\\udce9", "back\\\\udce9"]
"""Names that hold bytes that are not text, and some that only look so."""


@pytest.mark.parametrize("text", [*ODD_TEXTS, *NO_TEXTS])
def test_any_text_survives_toml(text: str, tmp_path: Path) -> None:
    config = TrainConfig(data=text, output=text + "/out", weights=text)
    file = tmp_path / "config.toml"
    write_text(file, to_toml(config))
    assert make_config(TrainConfig, read_toml(file), origin="file") == config


@pytest.mark.parametrize("rate", [1e-300, 1e-5, 0.1, 1.0, 100.0, 1e16, 1e300, 0.1 + 0.2])
def test_any_number_survives_toml(rate: float) -> None:
    config = TrainConfig(learning_rate=rate, seed=2**63 - 1, strict=True)
    again = make_config(TrainConfig, tomllib.loads(to_toml(config)), origin="file")
    assert again == config
    assert set(tomllib.loads(to_toml(config))) == {f.name for f in dataclasses.fields(TrainConfig)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"steps = ", r"settings\.toml is not a TOML file"),
        (b"data = 'caf\xe9'", r"settings\.toml is not a TOML file"),
        (None, r"cannot read the settings in .*settings\.toml \(No such file"),
    ],
)
def test_a_file_of_settings_that_cannot_be_read_is_named(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "settings.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        read_toml(file)


@pytest.mark.parametrize(
    ("data", "output", "expected"),
    [
        ("pets", "", "runs/pets"),
        ("some/where/pets/", "", "runs/pets"),
        ("pets/../dogs", "", "runs/dogs"),
        ("pets", "results/one", "results/one"),
    ],
)
def test_results_land_in_a_folder_named_after_the_data(
    data: str, output: str, expected: str
) -> None:
    config = TrainConfig(data=data, output=output)
    assert config.output_folder == Path(expected)


def test_without_a_data_folder_there_is_the_default_one_or_that_of_a_table() -> None:
    assert TrainConfig().data == TrainConfig(data="").data == "training_dataset"
    assert TrainConfig(labels="a/b.csv").data == ""
    assert TrainConfig(labels="a/b.csv").output_folder == Path("runs/b")
    named = TrainConfig(labels="a/b.csv", data="training_dataset")
    assert named.output_folder == Path("runs/training_dataset")


def test_the_current_folder_as_data_gives_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert TrainConfig(data=".").output_folder == Path("runs") / tmp_path.name


def test_the_home_folder_is_written_out_in_whatever_way_a_setting_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert TrainConfig(data="~/photos").output_folder == Path("runs/photos")
    assert TrainConfig(output="~/run").output_folder == tmp_path / "run"
    assert TrainConfig(data="~").data == str(tmp_path)
    assert PredictConfig(model="~/run").model == str(tmp_path / "run")
    assert dataclasses.replace(TrainConfig(), weights="~/x.pth").weights == str(tmp_path / "x.pth")
    assert TrainConfig(data="a~b", output="./~").output == "./~"


def test_a_setting_describes_itself() -> None:
    field = setting(3, "three things")
    assert (field.default, field.metadata["help"]) == (3, "three things")
