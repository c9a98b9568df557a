"""Hold one contender in a process of its own and time it when asked; `rounds.py` starts it.

python -m benchmarks.worker MODULE:FUNCTION WARM_REQUEST [ARGUMENT ...]

The function, given the arguments, returns what maps a request to feature rows. After one untimed
run the process answers `{"ready": true}`, then each request on a line of standard input with the
seconds it took and the number of rows. It also runs where only a contender's own library is
installed: nothing of the package is imported here.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import TextIO

import numpy
from numpy.typing import NDArray

ROW_SIZES = (2048, 4096)
"""Of a row of the last layer alone, and of all three of ours."""

Rows = NDArray[numpy.float32]
Run = Callable[[str], Rows]


def main() -> None:
    """Prepare the contender named in the arguments and answer until the input ends."""
    target, warm_request, *arguments = sys.argv[1:]
    answers = _private_output()
    try:
        run = _prepared(target, arguments)
        _timed(run, warm_request)
    except Exception as error:  # whatever the library raises is the reason to leave it out
        _answer(answers, {"failed": f"{type(error).__name__}: {error}"})
        return
    _answer(answers, {"ready": True})
    for line in sys.stdin:
        _answer(answers, _timed(run, line.rstrip("\n")))


def _private_output() -> TextIO:
    """Keep standard output for answers; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _prepared(target: str, arguments: list[str]) -> Run:
    module, function = target.split(":")
    run: Run = getattr(importlib.import_module(module), function)(*arguments)
    return run


def _timed(run: Run, request: str) -> Mapping[str, object]:
    start = time.perf_counter()
    rows = run(request)
    seconds = time.perf_counter() - start
    if rows.ndim != 2 or rows.shape[1] not in ROW_SIZES or not numpy.isfinite(rows).all():
        raise ValueError(f"rows of shape {rows.shape} are not finite rows of features")
    return {"seconds": seconds, "rows": len(rows)}


def _answer(answers: TextIO, content: Mapping[str, object]) -> None:
    print(json.dumps(content), file=answers, flush=True)


if __name__ == "__main__":
    main()
