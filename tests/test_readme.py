"""The README says what is so."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

from torch_inception.config import PredictConfig, TrainConfig, make_config, read_toml
from torch_inception.training.run_folder import RUN_FILES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_opens_with_the_two_commands_that_do_all_their_own_set_up() -> None:
    commands = re.findall(r"^    (pip .*)$", README, flags=re.MULTILINE)
    assert commands[0] == "pip install . && python -m torch_inception.train"
    assert commands[1] == 'pip install ".[test]" && pytest'


def test_every_flag_that_it_names_exists() -> None:
    names = {field.name for kind in (TrainConfig, PredictConfig) for field in fields(kind)}
    flags = {flag.replace("-", "_") for flag in re.findall(r"--([a-z][a-z-]+)", README)}
    others = {"config", "help", "show", "long", "prefix"}  # the last two are pytest's and npm's
    assert flags - names <= others


def test_every_test_that_it_names_exists() -> None:
    file, found = "", []
    for name, test in re.findall(r"`(test_\w+\.py)?::(test_\w+)`", README):
        file = name or file
        source = (ROOT / "tests" / "robustness" / file).read_text(encoding="utf-8")
        assert f"def {test}(" in source, f"{file}::{test}"
        found.append(test)
    assert len(found) > 20


def test_every_file_of_a_run_is_described() -> None:
    for name in RUN_FILES:
        assert f"| `{name}` |" in README


def test_every_link_and_image_is_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    for target in targets:
        assert (ROOT / target).is_file(), target


def test_every_extra_that_it_names_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = ",".join(re.findall(r'["`](?:\.|torch-inception)?\[([a-z,]+)\]["`]', README))
    extras = set(named.split(","))
    assert {"test", "parity", "timm", "keras", "tensorflow"} <= extras
    assert extras <= set(project["optional-dependencies"])


def test_the_seed_configuration_holds_the_values_of_the_original() -> None:
    values = read_toml(ROOT / "configs" / "seed.toml")
    config = make_config(TrainConfig, values, origin="configs/seed.toml")
    assert config.solver == "sgd"
    assert config.resize == "squash"
    numbers = (config.steps, config.learning_rate, config.batch_size, config.eval_interval)
    assert numbers == (500, 0.01, 100, 100)


def test_every_training_image_that_it_names_is_there() -> None:
    names = re.findall(r"training_dataset/[a-z]+/[a-z]+_\d+\.[a-z]+", README)
    assert names
    for name in names:
        assert (ROOT / name).is_file(), name
