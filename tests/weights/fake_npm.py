"""A program called npm, before all others on the PATH."""

import os
import stat
from pathlib import Path

import pytest

NOT_IT = """
for flag; do case "$flag" in --pack-destination=*) folder="${flag#*=}";; esac; done
echo "not it" > "$folder/nsfwjs-4.4.0.tgz"
"""
"""Packs something else than the package that was asked for."""


def put_npm(folder: Path, patch: pytest.MonkeyPatch, script: str) -> None:
    """Have a shell script answer to `npm pack`; it answers nothing to `npm config`."""
    program = folder / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$1" = config ] && exit\n{script}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    patch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
