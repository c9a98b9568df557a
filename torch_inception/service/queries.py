"""What a request to `/predict` asks for in its address."""

import difflib
from collections.abc import Callable
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

from torch_inception.service.served_model import Wishes

Value = TypeVar("Value")

KNOWN = ("model", "top", "map", "neighbours")

MOST_CLASSES = 100_000
MOST_NEIGHBOURS = 100

_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def read_query(request: Request) -> tuple[str | None, Wishes]:
    """Return the name of the model, None for the first, and what is to be told.

    Raises:
        HTTPException: 400, a parameter is unknown, is given twice, or has a value that cannot be.
    """
    given = request.query_params
    for name in given:
        if name not in KNOWN:
            close = difflib.get_close_matches(name, KNOWN, n=1)
            advice = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(KNOWN)}."
            raise HTTPException(400, f"there is no parameter {name!r}. {advice}")
        if len(given.getlist(name)) > 1:
            raise HTTPException(400, f"the parameter {name} is given twice.")

    def value(name: str, default: Value, read: Callable[[str], Value | None], what: str) -> Value:
        if name not in given:
            return default
        found = read(given[name])
        if found is None:
            raise HTTPException(400, f"{name} = {given[name]!r} must be {what}.")
        return found

    wishes = Wishes(
        value("top", Wishes().top, _from(1, MOST_CLASSES), f"a number from 1 to {MOST_CLASSES}"),
        value("map", False, _TRUTHS.get, "true or false"),
        value("neighbours", 0, _from(0, MOST_NEIGHBOURS), f"a number from 0 to {MOST_NEIGHBOURS}"),
    )
    return given.get("model"), wishes


def _from(least: int, most: int) -> Callable[[str], int | None]:
    def read(text: str) -> int | None:
        is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(most))
        return int(text) if is_number and least <= int(text) <= most else None

    return read
