"""What all commands share: flags, files of settings, streams and exit statuses."""

import argparse
import dataclasses
import io
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.test_config import FIELDS, another_value
from torch_inception.commands.flags import add_flags, chosen_config, print_error, run_command
from torch_inception.config import PredictConfig, TrainConfig, to_toml
from torch_inception.errors import ConfigError, TorchInceptionError


def parse(kind: type[Any], *flags: str) -> Any:  # noqa: ANN401
    parser = argparse.ArgumentParser()
    add_flags(parser, kind)
    return chosen_config(parser.parse_args(flags), kind)


def as_flags(name: str, value: object) -> list[str]:
    flag = "--" + name.replace("_", "-")
    return [flag] if value is True else [flag, str(value)]


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_every_field_is_a_flag_and_nothing_else_changes(kind: type[Any], name: str) -> None:
    value = another_value(kind, name)
    config = parse(kind, *as_flags(name, value))
    assert config == dataclasses.replace(kind(), **{name: value})
    assert config != kind()


@pytest.mark.parametrize("kind", [TrainConfig, PredictConfig])
def test_without_flags_the_defaults_hold(kind: type[Any]) -> None:
    assert parse(kind) == kind()


@pytest.mark.parametrize("kind", [TrainConfig, PredictConfig])
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
        if field.default not in ("", False):
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
    config = TrainConfig(data="a 'b'", seed=5, solver="sgd", strict=True).resolved()
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


@pytest.mark.parametrize("flags", [["--solver", "adam"], ["--steps", "many"], ["--colour", "red"]])
def test_a_wrong_flag_ends_with_the_usage_and_status_2(
    flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        parse(TrainConfig, *flags)
    assert exit_.value.code == 2
    shown = capsys.readouterr().err
    assert "usage:" in shown
    assert flags[0] in shown


def raising(error: BaseException) -> Callable[[], int]:
    def body() -> int:
        raise error

    return body


class OneOfOursError(TorchInceptionError):
    pass


@pytest.mark.parametrize("error", [ConfigError("no such x."), OneOfOursError("no such x.")])
def test_a_users_mistake_is_one_line_and_status_1(
    error: TorchInceptionError, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(raising(error), log_to=sys.stdout) == 1
    assert capsys.readouterr() == ("", "error: no such x.\n")


def test_an_interruption_is_one_line_and_status_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(raising(KeyboardInterrupt()), log_to=sys.stdout) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: stopped.")
    assert err.count("\n") == 1


@pytest.mark.parametrize("error", [ValueError("ours"), OSError("ours"), AssertionError("ours")])
def test_a_mistake_of_ours_keeps_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error), match="ours"):
        run_command(raising(error), log_to=sys.stdout)


@pytest.mark.parametrize("status", [0, 1])
def test_the_status_is_the_bodys(status: int) -> None:
    assert run_command(lambda: status, log_to=sys.stdout) == status


def test_information_goes_to_the_stream_asked_for_and_warnings_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = logging.getLogger("torch_inception.some.room")

    def body() -> int:
        log.debug("unheard")
        log.info("information")
        log.warning("warning")
        return 0

    elsewhere = io.StringIO()
    for stream in (elsewhere, sys.stdout):
        run_command(body, log_to=stream)
    assert elsewhere.getvalue() == "information\n"
    assert capsys.readouterr() == ("information\n", "warning\nwarning\n")


def test_the_library_itself_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("torch_inception.some.room").info("information")
    assert capsys.readouterr() == ("", "")


def test_names_that_are_not_text_can_be_printed(capfd: pytest.CaptureFixture[str]) -> None:
    def body() -> int:
        sys.stdout.write("caf\udce9 круг" + "\n")
        print_error("caf\udce9")
        return 0

    assert run_command(body, log_to=sys.stdout) == 0
    assert capfd.readouterr() == ("caf\\udce9 круг\n", "error: caf\\udce9\n")


def test_a_reader_that_has_enough_ends_the_command_quietly() -> None:
    script = (
        "import sys; from torch_inception.commands.flags import run_command\n"
        "def body():\n"
        "    for _ in range(100_000): sys.stdout.write('x' * 100 + chr(10))\n"
        "    return 0\n"
        "sys.exit(run_command(body, log_to=sys.stdout))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"x" * 100 + b"\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1
