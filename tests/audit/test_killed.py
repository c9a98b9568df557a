"""`kill -9` at any moment of moving and of putting back: no image is lost, and all come back."""

import random
import time
from collections.abc import Callable
from pathlib import Path

from tests.audit.conftest import files
from tests.processes import server
from torch_inception.audit.move_log import LOG_FILE
from torch_inception.commands.audit import main

Audit = Callable[..., int]

KILLS = 4


def is_killed(is_time: Callable[[], bool], *arguments: str) -> bool:
    """Run the command, and kill it as soon as it is time; tell whether that was before its end."""
    process = server.Process(target=_run, args=(arguments,))
    process.start()
    while process.is_alive() and not is_time():
        time.sleep(0.0002)
    process.kill()
    process.join()
    return process.exitcode != 0


def _run(arguments: tuple[str, ...]) -> None:
    raise SystemExit(main(arguments))


def test_a_killed_process_loses_no_image(
    photos: Path, audit: Audit, tmp_path: Path, long: bool
) -> None:
    before = files(photos)
    results = tmp_path / "audits" / "photos"
    assert audit("photos") == 0
    rows = [f"{path},{path.split('/')[0]},x\n" for path in before if not path.endswith("0.png")]
    (results / "quarantine.csv").write_text("path,given_label,reason\n" + "".join(rows))
    away, restoring = str(tmp_path / "away"), ("--restore", str(tmp_path / "away"))
    moving = (str(photos), "--output", str(results), "--quarantine", away)
    dice, kills = random.Random(2), 0

    def count() -> int:
        return len(list(photos.rglob("*.png")))

    for _ in range(20 * KILLS if long else 2 * KILLS):
        wanted = dice.randrange(len(before) - len(rows), len(before))
        kills += is_killed(lambda wanted=wanted: count() <= wanted, *moving)  # type: ignore[misc]
        assert everything(photos, Path(away)) == set(before.values())
        kills += is_killed(lambda wanted=wanted: count() > wanted, *restoring)  # type: ignore[misc]
        assert everything(photos, Path(away)) == set(before.values())
        if Path(away, LOG_FILE).exists():
            assert audit(*restoring) == 0
        assert files(photos) == before
    assert kills >= KILLS


def everything(*folders: Path) -> set[bytes]:
    """Return the contents of all images."""
    found = (content for folder in folders for content in files(folder).items())
    return {content for path, content in found if path.endswith(".png") and "/." not in path}
