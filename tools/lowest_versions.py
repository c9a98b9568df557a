"""Print the lowest versions that pyproject.toml declares, as requirements for pip.

The core dependencies, and those of the extras that the command line names:

    pip install $(python tools/lowest_versions.py test)
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
REQUIREMENT = re.compile(r"([\w.-]+)(?:\[([\w,-]+)\])?(?:[>=]=([\w.]+))?")


def lowest(project: dict[str, Any], requirements: list[str]) -> Iterator[str]:
    """Give one pin per requirement; the project's own extras are replaced by what they need."""
    for requirement in requirements:
        match = REQUIREMENT.fullmatch(requirement)
        if match is None:
            raise SystemExit(f"{requirement}: write it as NAME>=VERSION or NAME==VERSION.")
        name, extras, version = match.groups()
        if name == project["name"]:
            for extra in extras.split(","):
                yield from lowest(project, project["optional-dependencies"][extra])
        elif version is None:
            raise SystemExit(f"{requirement}: it declares no lowest version.")
        else:
            yield f"{name}=={version}"


if __name__ == "__main__":
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    own = [f"{project['name']}[{extra}]" for extra in sys.argv[1:]]
    print(*dict.fromkeys(lowest(project, project["dependencies"] + own)))
