"""Flags come from the settings; a wrong one is told in a line with the nearest right one."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.test_config import FIELDS, another_value
from torch_inception.commands.flags import Parser, chosen_config
from torch_inception.config import (
    AuditConfig,
    EvaluateConfig,
    ExportConfig,
    FeaturesConfig,
    PredictConfig,
    SortConfig,
    TrainConfig,
    to_toml,
)
from torch_inception.errors import ConfigError


def parse(kind: type[Any], *flags: str) -> Any:  # noqa: ANN401
    parser = Parser("try", description="Try flags.", settings=kind)
    return chosen_config(parser.parse(flags), kind)


def as_flags(name: str, value: object) -> list[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    if isinstance(value, tuple):
        return [part for each in value for part in (f"--{flag}", each)]
    return [f"--{flag}", str(value)]


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_every_field_is_a_flag_and_nothing_else_changes(kind: type[Any], name: str) -> None:
    value = another_value(kind, name)
    config = parse(kind, *as_flags(name, value))
    before, after = dataclasses.asdict(kind()), dataclasses.asdict(config)
    assert after[name] == value
    # A table takes the place of the default folder.
    expected = {"labels", "data"} if kind is TrainConfig and name == "labels" else {name}
    assert {each for each in after if after[each] != before[each]} == expected


@pytest.mark.parametrize("value", ["-100,400", "-.5,1", "-1e3,-1"])
def test_a_value_may_begin_with_a_minus(value: str) -> None:
    assert parse(TrainConfig, "--intensity", value, "--views", "2").intensity == value
    assert parse(TrainConfig, f"--intensity={value}").intensity == value


@pytest.mark.parametrize(
    "kind",
    [
        TrainConfig, PredictConfig, EvaluateConfig, AuditConfig, ExportConfig, FeaturesConfig,
        SortConfig,
    ],
)  # fmt: skip
def test_without_flags_the_defaults_hold(kind: type[Any]) -> None:
    assert parse(kind) == kind()


@pytest.mark.parametrize(
    "kind",
    [
        TrainConfig, PredictConfig, EvaluateConfig, AuditConfig, ExportConfig, FeaturesConfig,
        SortConfig,
    ],
)  # fmt: skip
def test_help_states_every_flag_and_its_default(
    kind: type[Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    with pytest.raises(SystemExit) as exit_:
        parse(kind, "--help")
    assert exit_.value.code == 0
    shown = capsys.readouterr().out
    for field in dataclasses.fields(kind):
        assert f"--{field.name.replace('_', '-')}" in shown
        assert field.metadata["help"] in shown
        if field.default is True:
            assert f"--no-{field.name.replace('_', '-')}" in shown
        elif field.default not in ("", (), False):
            assert f"(default: {field.default})" in shown


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "settings.toml"
    file.write_text('steps = 30\nsolver = "sgd"\nstrict = true\nlearning_rate = 0.5\n')
    return file


def test_a_file_of_settings_is_taken_and_flags_win_over_it(settings: Path) -> None:
    expected = TrainConfig(steps=30, solver="sgd", strict=True, learning_rate=0.5)
    assert parse(TrainConfig, "--config", str(settings)) == expected
    flags = ["--steps", "40", "--config", str(settings), "--solver", "lbfgs", "--seed", "3"]
    assert parse(TrainConfig, *flags) == dataclasses.replace(
        expected, steps=40, solver="lbfgs", seed=3
    )


@pytest.mark.parametrize(("flag", "strict"), [("--no-strict", False), ("--strict", True)])
def test_a_switch_can_be_turned_either_way_over_the_file(
    flag: str, strict: bool, settings: Path
) -> None:
    assert parse(TrainConfig, "--config", str(settings), flag).strict is strict
    assert parse(TrainConfig, flag).strict is strict


def test_a_flag_with_the_default_value_wins_over_the_file_too(settings: Path) -> None:
    config = parse(TrainConfig, "--config", str(settings), "--steps", "500")
    assert config.steps == 500


def test_the_settings_that_a_run_writes_can_be_given_again(tmp_path: Path) -> None:
    config = TrainConfig(data="a 'b'", seed=5, solver="sgd", strict=True)
    file = tmp_path / "config.toml"
    file.write_text(to_toml(config), encoding="utf-8")
    assert parse(TrainConfig, "--config", str(file)) == config


@pytest.mark.parametrize(
    ("content", "flags", "message"),
    [
        ("stepz = 3", [], r"settings\.toml: there is no setting 'stepz'; did you mean 'steps'"),
        ("config = 'x'", [], r"settings\.toml: there is no setting 'config'"),
        ("steps = 'x'", ["--steps", "3"], r"settings\.toml: steps = 'x' must be a whole number"),
        ("steps = 3", ["--steps", "0"], r"steps = 0 must be 1 or more"),
    ],
)
def test_what_is_wrong_is_named_with_the_place_where_it_stands(
    content: str, flags: list[str], message: str, settings: Path
) -> None:
    settings.write_text(content)
    with pytest.raises(ConfigError, match=message):
        parse(TrainConfig, "--config", str(settings), *flags)


def test_help_has_what_people_use_first_on_top_and_the_rest_under_headings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        parse(TrainConfig, "--help")
    shown = capsys.readouterr().out
    places = [
        shown.index(text)
        for text in (
            "usage: torch-inception try [FLAG ...]\n", "--data", "--output", "--weights",
            "\nimages:", "--resize", "\nnetwork:", "--pooling", "--device",
            "\nhead:", "--solver", "--seed",
            "\ngradient descent (--solver sgd):", "--steps", "\ngeneral:", "--config", "--quiet",
        )
    ]  # fmt: skip
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--solvr", "lda"], "there is no flag --solvr; did you mean --solver?"),
        (["--xyzzy=red"], "there is no flag --xyzzy"),
        (["--solv", "lda"], "there is no flag --solv; did you mean --solver?"),
        (["--solver", "ldaa"], "--solver: 'ldaa' is not one of lda, lbfgs, sgd; did you mean lda?"),
        (["--solver"], "--solver: expected one argument"),
        (["--steps", "many"], "--steps: 'many' is not a whole number"),
    ],
)
def test_a_wrong_flag_is_one_line_and_status_2(
    flags: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        parse(TrainConfig, *flags)
    assert exit_.value.code == 2
    hint = "(torch-inception try --help lists all flags)"
    assert capsys.readouterr() == ("", f"error: {told} {hint}\n")


def test_flags_may_stand_between_paths(tmp_path: Path) -> None:
    parser = Parser("try", description=None, settings=PredictConfig)
    parser.add_argument("paths", nargs="+")
    arguments = parser.parse(["a.png", "--top", "3", "b.png"])
    assert arguments.paths == ["a.png", "b.png"]
    assert chosen_config(arguments, PredictConfig).top == 3


@pytest.mark.parametrize("setting", ["output", "data", "weights"])
def test_the_home_folder_is_written_out_in_flags_and_files(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "settings.toml").write_text(f'{setting} = "~/from a file"\n')
    for flags, name in (
        ([f"--{setting}=~/a flag"], "a flag"),
        (["--config", "~/settings.toml"], "from a file"),
    ):
        assert getattr(parse(TrainConfig, *flags), setting) == str(tmp_path / name)
    both = parse(TrainConfig, "--weights=~/a.pth,imagenet,~/b.pth").weights
    assert both == f"{tmp_path}/a.pth,imagenet,{tmp_path}/b.pth"
    assert (
        parse(TrainConfig, "--weights=imagenet, ~/b.pth").weights == f"imagenet, {tmp_path}/b.pth"
    )
    assert parse(TrainConfig, "--output=~nobody-of-that-name/x").output == "~nobody-of-that-name/x"


def test_a_home_folder_that_is_not_known_is_told_and_nothing_is_made(tmp_path: Path) -> None:
    code = (
        "import os, pwd, sys\n"
        "def nobody(number): raise KeyError\n"
        "pwd.getpwuid = nobody\n"
        "from torch_inception.commands.train import main\n"
        "sys.exit(main(['--data', sys.argv[1], '--output=~/run']))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    message = "error: output = '~/run': your home folder is not known here. Write the whole path.\n"
    assert (done.returncode, done.stderr) == (2, message)
    assert list(tmp_path.iterdir()) == []
