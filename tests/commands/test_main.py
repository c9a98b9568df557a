"""`torch-inception` and `python -m torch_inception`: the list of commands, and each of them."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import torch_inception
from torch_inception.commands.main import COMMANDS, main


def run(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_without_a_command_all_are_listed_in_a_line_each(arguments: list[str]) -> None:
    status, out, err = run("torch_inception", *arguments)
    assert (status, err) == (0, "")
    listed = [line.split(maxsplit=1) for line in out.splitlines() if line.startswith("  ")]
    assert listed == [[name, what] for name, what in COMMANDS.items()]
    assert max(map(len, out.splitlines())) <= 80


def test_the_version_is_told() -> None:
    version = f"torch-inception {torch_inception.__version__}\n"
    assert run("torch_inception", "--version") == (0, version, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_its_help(name: str) -> None:
    status, out, err = run("torch_inception", name, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: python -m torch_inception {name} ")


@pytest.mark.parametrize("name", ["train", "predict"])
def test_two_commands_have_a_door_of_their_own(name: str) -> None:
    status, out, err = run(f"torch_inception.{name}", "--help")
    assert (status, err) == (0, "")
    first, rest = out.split("\n", 1)
    assert first.startswith(f"usage: python -m torch_inception.{name} ")
    assert rest == run("torch_inception", name, "--help")[1].split("\n", 1)[1]


def test_ctrl_c_before_a_command_has_begun_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pressed(name: str) -> ModuleType:
        raise KeyboardInterrupt

    monkeypatch.setattr("importlib.import_module", pressed)
    assert main(["train"]) == 130
    assert capsys.readouterr() == ("", "error: stopped.\n")


def test_the_console_script_is_named_as_it_is_typed(tmp_path: Path) -> None:
    script = tmp_path / "torch-inception"
    script.write_text("from torch_inception.__main__ import run\nrun()\n")
    done = subprocess.run(
        [sys.executable, script, "train", "--dta", "x"],
        env=os.environ | {"PYTHONPATH": str(Path(torch_inception.__file__).parents[1])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = "error: there is no flag --dta; did you mean --data? "
    assert done.stderr == told + "(torch-inception train --help lists all flags)\n"
    assert done.returncode == 2


def test_an_unknown_command_is_one_line_with_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["trian"]) == 2
    expected = "error: there is no command 'trian'; did you mean train? (torch-inception --help "
    assert capsys.readouterr() == ("", expected + "lists all)\n")
