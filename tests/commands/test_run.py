"""What a command does with errors, Ctrl-C and streams, and that it leaves the process as it was."""

import io
import logging
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable

import pytest

from torch_inception.commands.run import run_command
from torch_inception.commands.screen import RESULTS, print_error
from torch_inception.errors import ConfigError, TorchInceptionError


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
        "import sys; from torch_inception.commands.run import run_command\n"
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


def test_quiet_leaves_information_out_but_for_results(capsys: pytest.CaptureFixture[str]) -> None:
    def body() -> int:
        logging.getLogger("torch_inception.some.room").info("information")
        logging.getLogger("torch_inception.some.room").warning("warning")
        logging.getLogger(RESULTS).info("result")
        return 0

    assert run_command(body, log_to=sys.stdout, quiet=True) == 0
    assert capsys.readouterr() == ("result\n", "warning\n")


def settings_of_the_process() -> tuple[object, ...]:
    log = logging.getLogger("torch_inception")
    return (
        signal.getsignal(signal.SIGINT), list(log.handlers), log.level, log.propagate,
        logging.getLogger("torch_inception.some.room").isEnabledFor(logging.INFO),
        list(warnings.filters), sys.stdout.errors, sys.stderr.errors, sys.stdin.errors,
    )  # fmt: skip


@pytest.mark.parametrize("error", [None, ConfigError("no such x."), KeyboardInterrupt()])
def test_a_command_leaves_the_process_as_it_was(error: BaseException | None) -> None:
    def body() -> int:
        logging.getLogger("torch_inception.some.room").info("information")
        if error is not None:
            raise error
        return 0

    before = settings_of_the_process()
    run_command(body, log_to=sys.stdout)
    assert settings_of_the_process() == before


def test_the_ctrl_c_of_the_program_around_stays_its_own() -> None:
    def theirs(number: int, frame: object) -> None:
        """Do nothing."""

    before = signal.signal(signal.SIGINT, theirs)
    try:
        status = run_command(lambda: signal.getsignal(signal.SIGINT) is theirs, log_to=sys.stdout)
        assert status is True
        assert signal.getsignal(signal.SIGINT) is theirs
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_a_library_makes_of_ctrl_c_is_still_ctrl_c(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def body() -> int:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise RuntimeError("something went wrong in a library") from error

    assert run_command(body, log_to=sys.stdout, when_stopped="stopped. Go on.") == 130
    assert capsys.readouterr().err == "error: stopped. Go on.\n"
