"""Where the cache is, with a home folder and without one."""

from pathlib import Path

import pytest

from torch_inception.errors import CacheError, ConfigError
from torch_inception.system.cache_folder import (
    CACHE_VARIABLE,
    cache_folder,
    is_writable,
)


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


@pytest.mark.parametrize("home", [None, "", "/", "~", "relative"])
def test_without_a_home_the_variable_is_named(
    home: str | None, no_home: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CACHE_VARIABLE)
    if home is not None:
        monkeypatch.setenv("HOME", home)
    with pytest.raises(CacheError, match=f"no home folder.*environment variable {CACHE_VARIABLE}"):
        cache_folder()
    monkeypatch.setenv("XDG_CACHE_HOME", "/x/cache")
    assert cache_folder() == Path("/x/cache/torch_inception")


@pytest.mark.parametrize("value", ["~", "~/mine"])
def test_a_variable_with_the_home_of_nobody_is_reported(
    value: str, no_home: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, value)
    with pytest.raises(ConfigError, match=f"{CACHE_VARIABLE} = '{value}'.*the whole path"):
        cache_folder()


def test_a_cache_folder_that_can_be_written_is_made(tmp_path: Path) -> None:
    assert is_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").touch()
    assert not is_writable(tmp_path / "file" / "b")


@pytest.mark.parametrize("home", [None, "/"])
def test_what_a_program_makes_of_no_home_is_not_made(
    home: str | None, no_home: None, own_cache: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if home is not None:
        monkeypatch.setenv("HOME", home)
    for folder in ("~/.cache/torch", "/.made-up", "/.made-up/torch/hub"):
        assert not is_writable(folder)
        assert not Path(folder).exists()
    assert is_writable(tmp_path / "named")
    assert [path.name for path in tmp_path.iterdir()] == ["named"]
