"""Where files are kept."""

from pathlib import Path

import pytest

from torch_inception.system.cache_folder import CACHE_VARIABLE, cache_folder


def test_the_variable_names_the_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("value", "expected"), [("~/mine", "home/mine"), ("mine", "mine"), ("a/b", "a/b")]
)
def test_the_variable_may_start_at_home_or_at_the_current_folder(
    value: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, value)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert cache_folder() == tmp_path / expected


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x/cache"}, "/x/cache/torch_inception"),
        ("linux", {"XDG_CACHE_HOME": ""}, "/home/me/.cache/torch_inception"),
        ("linux", {CACHE_VARIABLE: ""}, "/home/me/.cache/torch_inception"),
        ("darwin", {}, "/home/me/Library/Caches/torch_inception"),
        ("win32", {"LOCALAPPDATA": "/app/local"}, "/app/local/torch_inception"),
        ("win32", {}, "/home/me/AppData/Local/torch_inception"),
    ],
)
def test_without_the_variable_the_platforms_cache_is_used(
    platform: str, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (CACHE_VARIABLE, "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", platform)
    assert cache_folder() == Path(expected)
