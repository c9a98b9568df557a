"""Flags from the fields of a configuration, in groups; a wrong one is told with the nearest."""

import argparse
import dataclasses
import difflib
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar, get_args, get_origin, get_type_hints

from torch_inception.commands.run import open_closed_streams
from torch_inception.commands.screen import print_error
from torch_inception.config import expand_home, make_config, read_toml
from torch_inception.errors import ConfigError

Config = TypeVar("Config")
Number = TypeVar("Number", int, float)

_DATA = "data_operand"
"""Where argparse puts what stands for `--data`."""

WRONG_USAGE = 2
"""Exit status for wrong flags and values, as Python's and most programs have it."""


class Parser(argparse.ArgumentParser):
    """A parser whose help is short at its top, and whose complaints are one line.

    Args:
        command: its name.
        description: what it does.
        operands: what stands beside the flags, for the first line of the help.
        settings: a configuration, whose fields become flags under the headings of their groups.
    """

    def __init__(
        self,
        command: str,
        *,
        description: str | None,
        operands: str = "",
        settings: type[Any] | None = None,
    ) -> None:
        # The interpreter may have been started with streams closed, and help needs them too.
        open_closed_streams()
        name = as_started(command)
        usage = " ".join(["%(prog)s", *operands.split(), "[FLAG ...]"])
        # A shortened flag could mean another one in a later version.
        super().__init__(
            prog=name, usage=usage, description=description, allow_abbrev=False, add_help=False
        )
        fields = [] if settings is None else [each.name for each in dataclasses.fields(settings)]
        self._takes_data = "data" in fields
        if settings is not None:
            _add_flags(self, settings)
        general = self.add_argument_group("general")
        if settings is not None:
            general.add_argument(
                "--config", metavar="FILE.toml",
                help="file with any of these settings; flags win over it",
            )  # fmt: skip
        general.add_argument("--quiet", action="store_true", help="show results and warnings only")
        general.add_argument("-h", "--help", action="help", help="show this help")

    def add_data(self, metavar: str, *, help: str) -> None:
        """Let the setting `data` stand alone, without its flag.

        Args:
            metavar: what the help calls it.
            help: says what it is.
        """
        self.add_argument(_DATA, nargs="?", metavar=metavar, help=help)

    def parse(self, argv: Sequence[str] | None) -> argparse.Namespace:
        """Parse arguments; flags may stand between them.

        Raises:
            SystemExit: a flag or value is wrong, which was told; or help was asked for.
        """
        given = sys.argv[1:] if argv is None else argv
        arguments, others = self.parse_known_intermixed_args(_with_negative_values(given))
        if others:
            self.error(self._unknown(others[0]))
        data = vars(arguments).pop(_DATA, None)
        if data is not None:
            if arguments.data is not None:
                self.error("DATA and --data are the same: give one of them")
            arguments.data = data
        return arguments

    def config(self, arguments: argparse.Namespace, kind: type[Config]) -> Config:
        """Merge the flags that were given over the `--config` file and the defaults.

        Raises:
            SystemExit: the file or a value cannot be used, which was told.
        """
        try:
            return chosen_config(arguments, kind)
        except ConfigError as error:
            print_error(str(error))
            self.exit(WRONG_USAGE)

    def error(self, message: str) -> NoReturn:
        """Tell what is wrong in a line, and end with status 2."""
        print_error(f"{message.removeprefix('argument ')} ({self.prog} --help lists all flags)")
        self.exit(WRONG_USAGE)

    def _unknown(self, argument: str) -> str:
        if not argument.startswith("-"):
            advice = f"; did you mean --data {argument}?" if self._takes_data else ""
            return f"{argument!r} stands alone, and every value here follows its flag{advice}"
        flag = argument.partition("=")[0]
        return f"there is no flag {flag}{nearest(flag, list(self._option_string_actions))}"


def _with_negative_values(argv: Sequence[str]) -> list[str]:
    """Join a flag and a value such as "-100,400", which argparse would take for another flag."""
    joined: list[str] = []
    for argument in argv:
        is_value = re.match(r"-\.?\d", argument)
        if is_value and joined and re.fullmatch(r"--[a-z-]+", joined[-1]):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def as_started(command: str = "") -> str:
    """Return what to type for a command, in the way in which this process was started."""
    door = Path(sys.argv[0] if sys.argv else "")
    if door.parent.name == "torch_inception" and door.name == f"{command}.py":
        return f"python -m torch_inception.{command}"
    is_package = door.parent.name == "torch_inception" and door.name == "__main__.py"
    return f"{'python -m torch_inception' if is_package else 'torch-inception'} {command}".rstrip()


def nearest(name: str, known: Sequence[str]) -> str:
    """Return "; did you mean X?" with the nearest known name, or nothing."""
    close = difflib.get_close_matches(name.lower(), known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _add_flags(parser: argparse.ArgumentParser, settings: type[Any]) -> None:
    hints = get_type_hints(settings)
    groups: dict[str, argparse._ArgumentGroup] = {}
    for field in dataclasses.fields(settings):
        title = field.metadata["group"]
        if title and title not in groups:
            groups[title] = parser.add_argument_group(title)
        place = groups[title] if title else parser
        place.add_argument(
            f"--{field.name.replace('_', '-')}", default=None, **_options(field, hints[field.name])
        )


def _options(field: "dataclasses.Field[Any]", hint: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return what argparse is to know of a flag."""
    text = field.metadata["help"].replace("%", "%%")
    if hint is bool:
        return {"help": text, "action": argparse.BooleanOptionalAction}
    if field.default not in ("", ()) and "(default:" not in text:
        text += f" (default: {field.default})"
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        return {"help": text, "type": _one_of(choices), "metavar": "|".join(choices)}
    if hint is str:
        return {"help": text, "metavar": "TEXT"}
    if hint == Sequence[str]:
        return {"help": text, "metavar": "TEXT", "action": "append"}
    what, metavar = {int: ("whole number", "N"), float: ("number", "X")}[hint]
    return {"help": text, "type": a_number(hint, what), "metavar": metavar}


def a_number(kind: type[Number], what: str) -> Callable[[str], Number]:
    """Return a function that turns a flag's value into a number, and calls it by name if it cannot.

    Args:
        kind: of number.
        what: the value is to be.
    """

    def parse(value: str) -> Number:
        try:
            return kind(value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{value!r} is not a {what}") from None

    return parse


def _one_of(choices: Sequence[str]) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in choices:
            raise argparse.ArgumentTypeError(
                f"{value!r} is not one of {', '.join(choices)}{nearest(value, choices)}"
            )
        return value

    return check


def chosen_config(arguments: argparse.Namespace, kind: type[Config]) -> Config:
    """Do as `Parser.config`.

    Raises:
        ConfigError: the file or a value cannot be used.
    """
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    given = {name: getattr(arguments, name) for name in names}
    flags = {name: value for name, value in given.items() if value is not None}
    for name in flags:
        if flags[name] == "":
            raise ConfigError(f"--{name.replace('_', '-')} is given and empty. Give a value.")
    if arguments.config is None:
        return make_config(kind, flags, origin="command line")
    settings = read_toml(Path(expand_home("config", arguments.config)))
    make_config(kind, settings, origin=arguments.config)
    return make_config(kind, settings | flags, origin="command line")
