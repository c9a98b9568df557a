"""What Ray says is told in a line that has the cause; texts are those of Ray 2.60."""

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("ray")

from torch_inception.features.cluster.ray_messages import advice, cause

TASK = "\x1b[36mray::check()\x1b[39m (pid=1, ip=127.0.0.3)\n"
FRAME = '  File "/there/module.py", line 5, in fail\n    raise kind\n    ^^^^^^^^^^\n'
ARGUMENTS = (
    "  At least one of the input arguments for this task could not be computed:\n"
    "ray.exceptions.RaySystemError: System error: No module named 'a'\n"
    "traceback: Traceback (most recent call last):\n"
)
OWNER = (
    "  At least one of the input arguments for this task could not be computed:\n"
    "ray.exceptions.OwnerDiedError: Failed to retrieve object ff. To see more, do this.\n\n"
    "Owner worker ID: 04, owner address: 127.0.0.2:41295.\n"
)
ACTOR = (
    "The actor died because of an error raised in its creation task, "
    "\x1b[36mray::_MapWorker.__init__()\x1b[39m (pid=1)\n"
)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (TASK + FRAME + "ValueError: no such instruction.\nmore of it", "no such instruction"),
        (TASK + FRAME + "AssertionError", "AssertionError"),
        (TASK + FRAME + "SystemExit: 3", "SystemExit: 3"),
        (TASK + ARGUMENTS + FRAME + "ImportError: No module named 'a'", "ImportError: No module"),
        (TASK + OWNER, "OwnerDiedError: Failed to retrieve object"),
        (ACTOR + FRAME + "torch_inception.errors.ClusterError: unseen.", "ClusterError: unseen"),
        ("The actor died unexpectedly before finishing this task.\n\tclass_name: A", "The actor"),
        ("", "it does not say why"),
    ],
)
def test_the_cause_is_in_one_plain_line(said: str, told: str) -> None:
    line = cause(said)
    assert told in line
    assert "\n" not in line
    assert "\x1b" not in line
    assert "ray::" not in line


def test_what_ray_says_before_it_is_given_up_tells_more_than_that_it_is_late() -> None:
    assert "wants a token" in advice("Unauthenticated: InvalidAuthToken", waited=12)
    assert "has not answered as a Ray cluster in 12 s" in advice("Connecting ...", waited=12)
    assert advice("RuntimeError: No space left.") == "RuntimeError: No space left."
