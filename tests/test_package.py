"""What the package promises from outside: names, rooms, start-up, the pair of torch packages."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import torch_inception
from torch_inception.system import torch_pair

ROOT = Path(__file__).parents[1]
PACKAGE = Path(torch_inception.__file__).parent

ROOMS = [
    "errors", "config", "system", "images", "answers", "exported", "network", "weights", "engines",
    "features", "heads", "classifier", "tensorboard", "datasets", "training", "evaluation",
    "report", "audit", "curation", "export", "service", "commands", "train", "predict", "__main__",
]  # fmt: skip
"""The ground floor first: a room imports only from rooms before it."""

PUBLIC = {
    "CacheError", "Classifier", "ClusterError", "ConfigError", "DatasetError", "EvaluationResult",
    "ExportedClassifier", "FeatureExtractor", "ImageError",
    "ImageFolder", "InstallationError", "ModelError", "Prediction", "TorchInceptionError",
    "TrainConfig", "TrainingResult", "WeightsError", "evaluate_classifier",
    "train_classifier", "write_report",
}  # fmt: skip


ROOMS_WITHOUT_TORCH = ("images", "answers", "exported", "commands")


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(file: Path) -> set[str]:
    modules: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: a relative import"
            assert node.module != PACKAGE.name or room_of(file) not in ROOMS[:-3], file
            modules.append(node.module or "")
        elif isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
    parts = [module.split(".") for module in modules]
    return {each[1] for each in parts if each[0] == "torch_inception" and len(each) > 1}


def test_imports_run_one_way() -> None:
    files = [file for file in PACKAGE.rglob("*.py") if file != PACKAGE / "__init__.py"]
    assert {room_of(file) for file in files} == set(ROOMS)
    for file in files:
        room = room_of(file)
        later = set(ROOMS[ROOMS.index(room) + 1 :])
        assert not imported_rooms(file) & later, file


def test_the_public_names_are_pinned() -> None:
    assert set(torch_inception.__all__) == PUBLIC
    for name in PUBLIC:
        assert getattr(torch_inception, name).__name__ == name
    assert dir(torch_inception) == sorted(PUBLIC)
    with pytest.raises(AttributeError, match="no attribute 'train_a_dragon'"):
        torch_inception.train_a_dragon  # noqa: B018


def test_every_error_is_a_torch_inception_error() -> None:
    errors = [name for name in PUBLIC if name.endswith("Error")]
    assert len(errors) == 9
    for name in errors:
        assert issubclass(getattr(torch_inception, name), torch_inception.TorchInceptionError)


def test_the_version_is_stated_once_more_in_the_project_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == torch_inception.__version__


def test_the_core_needs_five_packages_and_one_that_torch_brings() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {need.split(">")[0] for need in project["dependencies"]}
    assert names == {"torch", "torchvision", "pillow", "numpy", "tqdm", "jinja2"}
    needs = importlib.metadata.requires("torch") or []
    assert any(need.partition(";")[0].strip().startswith("jinja2") for need in needs)


def test_every_file_that_is_no_module_is_packaged() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packaged = project["tool"]["setuptools"]["package-data"]["torch_inception"]
    files = [file for file in PACKAGE.rglob("*") if file.is_file()]
    others = [file for file in files if file.suffix not in (".py", ".pyc")]
    assert sorted(packaged) == sorted(file.relative_to(PACKAGE).as_posix() for file in others)


@pytest.mark.parametrize(
    "command",
    ["train", "predict", "evaluate", "audit", "sort", "features", "export", "serve", "convert"],
)
def test_help_does_not_wait_for_torch(command: str) -> None:
    code = (
        f"import sys, torch_inception.commands.{command} as command\n"
        "try: command.main(['--help'])\n"
        "except SystemExit as done: assert done.code == 0\n"
        "assert not {'torch', 'torchvision', 'numpy', 'PIL'} & set(sys.modules), sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"torch-inception {command}" in done.stdout


def test_images_settings_and_commands_are_imported_without_torch() -> None:
    """An exported model is run where torch is not installed."""
    files = [file for room in ROOMS_WITHOUT_TORCH for file in (PACKAGE / room).rglob("*.py")]
    modules = [str(f.relative_to(PACKAGE.parent).with_suffix("")).replace("/", ".") for f in files]
    code = "import importlib, sys\nsys.modules['torch'] = sys.modules['torchvision'] = None\n"
    code += "for module in sys.argv[1:]: importlib.import_module(module)"
    command = [sys.executable, "-c", code, "torch_inception.config", "torch_inception", *modules]
    assert len(modules) > 15
    subprocess.run(command, check=True)


def test_one_module_names_ray_and_nothing_imports_it_without_a_cluster() -> None:
    names = [
        file.name
        for file in PACKAGE.rglob("*.py")
        if re.search(r"^ *(import|from) ray\b", file.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert names == ["ray_cluster.py"]
    code = "import sys, torch_inception.training.pipeline, torch_inception.commands.features\n"
    code += "assert not {'ray', 'pyarrow'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_the_extra_a_cluster_is_refused_in_a_line(tmp_path: Path) -> None:
    code = "import sys\nsys.modules['pyarrow'] = None\n"
    code += "from torch_inception.commands.features import main\nsys.exit(main())"
    command = [sys.executable, "-c", code, str(tmp_path), "--shards", str(tmp_path / "shards")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"error: --cluster .* pip install \"\.\[cluster\]\"\.\n", done.stderr)


def test_naming_images_and_training_do_not_import_torchvision() -> None:
    code = "import sys, torch_inception.training.pipeline\n"
    code += "assert 'torchvision' not in sys.modules and 'torch' in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def fake_installation(folder: Path, *, torch: str, torchvision: str) -> dict[str, str]:
    """Make packages that state a version and do nothing; return an environment that finds them."""
    for name, version in (("torch", torch), ("torchvision", torchvision)):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("")
        (folder / name / "version.py").write_text(f"__version__ = '{version}'\n")
    information = folder / f"torchvision-{torchvision}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: torchvision\nVersion: {torchvision}\n"
        "Requires-Dist: torch==2.15.0\n"
    )
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def import_in(
    environment: dict[str, str], code: str = "from torch_inception import Classifier"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_pair_that_fits_imports(tmp_path: Path) -> None:
    fitting = fake_installation(tmp_path, torch="2.15.0+cu130", torchvision="0.30.0+cu130")
    code = "from torch_inception.system.torch_pair import check_torch_pair; check_torch_pair()"
    assert import_in(fitting, code).returncode == 0


@pytest.mark.parametrize(
    ("torch", "torchvision", "cause"),
    [
        ("2.13.0+cpu", "0.30.0+cpu", "needs torch 2.15.0, and torch 2.13.0+cpu is installed"),
        ("2.15.0+cpu", "0.30.0+cu130", "built for different platforms"),
    ],
)
def test_a_pair_that_does_not_fit_gives_the_cure_in_one_line(
    tmp_path: Path, torch: str, torchvision: str, cause: str
) -> None:
    environment = fake_installation(tmp_path, torch=torch, torchvision=torchvision)
    last = import_in(environment).stderr.strip().splitlines()[-1]
    assert "InstallationError: " in last
    assert cause in last
    assert torch_pair.CURE in last


def test_a_torchvision_that_fails_at_import_gives_the_cure(tmp_path: Path) -> None:
    environment = fake_installation(tmp_path, torch="2.15.0", torchvision="0.30.0")
    (tmp_path / "torchvision" / "version.py").unlink()
    (tmp_path / "torchvision" / "__init__.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')"
    )
    last = import_in(environment).stderr.strip().splitlines()[-1]
    assert "operator torchvision::nms does not exist" in last
    assert torch_pair.CURE in last


def test_a_command_shows_no_traceback_for_a_pair_that_does_not_fit(tmp_path: Path) -> None:
    environment = fake_installation(tmp_path, torch="2.15.0+cpu", torchvision="0.30.0+cu130")
    done = subprocess.run(
        [sys.executable, "-m", "torch_inception.predict", "a.jpg"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    assert torch_pair.CURE in done.stderr
