"""The README and the pages in docs/ say what is so, and what they tell to do can be done."""

import re
import tomllib
from pathlib import Path

import pytest

from torch_inception.commands.main import COMMANDS, main
from torch_inception.config import ServeConfig, TrainConfig, make_config, read_toml
from torch_inception.training.run_folder import FILES_OF_TWO_RUNS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
README = TEXTS[ROOT / "README.md"]
ALL = "\n".join(TEXTS.values())


def commands(text: str) -> list[str]:
    """Return the lines of the blocks marked sh, as `.ci/run` does."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(blocks).splitlines()


def anchors(page: Path) -> set[str]:
    """Return what a link to a heading of a page ends in, as GitHub makes it of the heading."""
    headings = re.findall(r"^#+ (.+)$", TEXTS[page], flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def test_the_readme_opens_with_the_two_commands_that_do_all_their_own_set_up() -> None:
    first, second, *_ = commands(README)
    assert first == "pip install . && python -m torch_inception.train"
    assert second == 'pip install ".[test]" && pytest'


def test_the_readme_is_short() -> None:
    assert len(README.split()) <= 700


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_say_what_they_are_and_hold_a_command_per_line(page: Path) -> None:
    fences = re.findall(r"^ *```(.*)$", TEXTS[page], flags=re.MULTILINE)
    assert len(fences) % 2 == 0
    assert set(fences[::2]) <= {"sh", "python", "text", "json"}
    assert set(fences[1::2]) <= {""}
    for command in commands(TEXTS[page]):
        assert re.fullmatch(r"[a-z.].*[^\\]", command), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", TEXTS[page]):
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.is_file(), target
        assert not anchor or anchor in anchors(file), target


def test_every_page_is_linked_from_the_readme() -> None:
    for page in (ROOT / "docs").iterdir():
        assert f"](docs/{page.name})" in README


def test_every_flag_that_is_named_exists(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], *([name, "--help"] for name in COMMANDS)):
        try:
            main(arguments)
        except SystemExit as done:
            assert done.code == 0
    known = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out))
    # npm's, ruff's, pytest's, TensorBoard's, pip's, curl's, Python's http.server's, our tools'
    others = {"--prefix", "--check", "--long", "--require-weights", "--logdir", "--no-cache-dir"}
    others |= {"--data-binary", "--form", "--retry", "--retry-connrefused", "--directory"}
    others |= {"--no-deps", "--images", "--rows"}
    # Ray's and SLURM's
    others |= {"--head", "--address", "--port", "--generate", "--min-nodes", "--nodes"}
    others |= {"--ntasks-per-node", "--cpus-per-task"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ALL)) <= known | others


def test_every_command_is_described() -> None:
    for name in COMMANDS:
        assert f"torch-inception {name}" in ALL


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", ALL)
    assert len(named) > 20
    for file, test in named:
        folder = ROOT if "/" in file else ROOT / "tests" / "robustness"
        source = (folder / file).read_text(encoding="utf-8")
        assert f"def {test}(" in source, f"{file}::{test}"


def test_every_file_and_folder_that_is_named_is_there() -> None:
    folders = "torch_inception|tests|docs|benchmarks|configs|tools|training_dataset"
    names = re.findall(rf"(?<![\w./-])(?:{folders})/[\w./-]*\w", ALL)
    assert len(names) > 10
    for name in names:
        assert (ROOT / name).exists(), name


def test_every_room_of_the_package_is_described() -> None:
    page = TEXTS[ROOT / "docs" / "development.md"]
    package = ROOT / "torch_inception"
    for room in package.iterdir():
        if room.suffix == ".py" or (room / "__init__.py").is_file():
            assert f"`{room.name}{'/' if room.is_dir() else ''}`" in page


def test_every_benchmark_that_is_named_exists() -> None:
    names = re.findall(r"benchmarks\.(\w+)", ALL)
    assert names
    for name in names:
        assert (ROOT / "benchmarks" / f"{name}.py").is_file(), name


def test_every_file_of_a_run_is_described() -> None:
    for name in FILES_OF_TWO_RUNS:
        assert f"| `{name}` |" in TEXTS[ROOT / "docs" / "training.md"]


def test_every_extra_that_is_named_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = re.findall(r"(?<=[.`])\[([a-z,]+)\](?!\()", ALL)
    named = {name for group in groups for name in group.split(",")}
    assert {"test", "parity", "timm", "keras", "tensorflow", "heif"} <= named
    assert named <= set(project["optional-dependencies"])


def test_one_word_is_used_for_images() -> None:
    assert not re.findall(r"\bpictures?\b", ALL, flags=re.IGNORECASE)


def test_no_line_names_a_host() -> None:
    # Addresses of object stores, and a name that Kubernetes asks for, are not of the web.
    text = re.sub(r"\b(?:s3|gs)://|\bray\.io/v1\b", "", ALL)
    hosts = re.findall(r"\b[\w-]+\.(?:org|com|net|io|dev|co)\b|://", text)
    assert hosts == []


def test_the_settings_of_a_server_that_are_shown_can_be_used() -> None:
    page = ROOT / "docs" / "serving.md"
    shown = re.search(r"^```text\n(token = .*?)^```$", TEXTS[page], flags=re.MULTILINE | re.DOTALL)
    assert shown
    make_config(ServeConfig, tomllib.loads(shown[1]), origin=page.name)


def test_the_seed_configuration_holds_the_values_of_the_original() -> None:
    values = read_toml(ROOT / "configs" / "seed.toml")
    config = make_config(TrainConfig, values, origin="configs/seed.toml")
    assert config.solver == "sgd"
    assert config.resize == "squash"
    numbers = (config.steps, config.learning_rate, config.batch_size, config.eval_interval)
    assert numbers == (500, 0.01, 100, 100)
