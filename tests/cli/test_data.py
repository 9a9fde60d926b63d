"""`dashprune data`, against a folder of files as small as one likes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dashprune.cli.main import main
from dashprune.data.published import download, manifest
from dashprune.data.published.manifest import Entry


def entry_of(dataset: str, name: str, size: int | None = 2_000_000) -> Entry:
    """A file whose content is its name."""
    blob = hashlib.sha1(b"blob %d\0" % len(name) + name.encode()).hexdigest()
    return Entry(dataset, "owner/name", "c0ffee", f"folder/{name}", blob, size, "MIT", f"what {name} is for")


FILES = (entry_of("sim350", "a"), entry_of("yeast", "b"), entry_of("yeast", "c", None))


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, an empty mirror, a folder that has a and b, and no network."""
    monkeypatch.setattr(manifest, "entries", lambda: FILES)
    monkeypatch.setattr(download, "GITHUB", "http://127.0.0.1:9")
    monkeypatch.setattr(download, "PAUSE", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("DASHPRUNE_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("DASHPRUNE_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mirror").mkdir()
    (tmp_path / "from").mkdir()
    for name in ("a", "b"):
        (tmp_path / "from" / name).write_text(name)


def say(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str], list[str]]:
    """Exit code, and the lines of standard output and standard error."""
    code = main(["data", *words])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err.splitlines()


def test_list(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    say(capsys, "fetch", "yeast", "--from", "from")
    code, out, err = say(capsys, "list")
    assert (code, err) == (0, [])
    assert [line.split() for line in out[2:5]] == [
        ["sim350", "1", "0", "2.0", "MB", "MIT"],
        ["yeast", "2", "1", "2.0", "MB", "and", "more", "MIT"],
        ["custom", "0", "0", "your", "own", "files"],
    ]
    assert out[5:] == [f"local copy: {tmp_path / 'mirror'}", f"cache: {tmp_path / 'cache'}"]


def test_fetch_from_a_folder_says_what_it_lacks(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = say(capsys, "fetch", "all", "--from", "from")
    assert code == 2
    assert out == [
        f"sim350: 1 of 1 files are in {tmp_path}/cache/upstream",
        f"yeast: 1 of 2 files are in {tmp_path}/cache/upstream",
    ]
    assert err == [
        "dashprune: copied owner+name/folder/a",
        "dashprune: copied owner+name/folder/b",
        "dashprune: from has no owner+name/folder/c, which rules out what c is for",
    ]
    code, out, err = say(capsys, "fetch", "sim350", "--from", "from")
    assert (code, err) == (0, [])


def test_fetch_takes_the_mirror_first_and_then_needs_a_network(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    there = tmp_path / "mirror/upstream/owner+name/folder"
    there.mkdir(parents=True)
    (there / "b").write_text("b")
    code, out, err = say(capsys, "fetch", "yeast")
    assert (code, out) == (2, [])
    assert err[0] == "dashprune: copied owner+name/folder/b"
    assert "/owner/name/c0ffee/folder/c cannot be downloaded (no connection)" in err[1]
    assert len(err) == 2


def test_check_says_what_is_missing_and_what_that_rules_out(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    cached = tmp_path / "cache/upstream/owner+name/folder"
    say(capsys, "fetch", "all", "--from", "from")
    code, out, err = say(capsys, "check", "yeast")
    assert code == 2
    assert out == [f"ok       {cached}/b", "missing  owner+name/folder/c; rules out what c is for"]
    assert err == ["dashprune: yeast: 1 of 2 files are missing or damaged; run: dashprune data fetch yeast"]
    (cached / "b").write_text("B")
    assert say(capsys, "check", "yeast")[1][0] == f"damaged  {cached}/b; rules out what b is for"
    code, out, err = say(capsys, "check", "sim350")
    assert (code, out[-1], err) == (0, "sim350: all 1 files are here", [])


def test_path(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = say(capsys, "path", "yeast")
    assert (code, out) == (2, [])
    assert err == ["dashprune: no file of the dataset 'yeast' is here; run: dashprune data fetch yeast"]
    say(capsys, "fetch", "yeast", "--from", "from")
    assert say(capsys, "path", "yeast") == (0, [str(tmp_path / "cache/upstream")], [])


def test_custom_needs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for action in ("fetch", "check"):
        assert say(capsys, action, "custom") == (0, ["custom: needs no published files, but your own"], [])
    code, _, err = say(capsys, "path", "custom")
    assert (code, err) == (2, ["dashprune: the dataset 'custom' has no folder: it is made of your own files"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "the following arguments are required: ACTION; see dashprune data --help"),
        (["lsit"], "invalid choice: 'lsit'"),
        (["fetch"], "the following arguments are required: NAME; see dashprune data fetch --help"),
        (["fetch", "yaest"], "there is no dataset 'yaest'; did you mean 'yeast'?; datasets: sim350, yeast, custom"),
        (["path", "all"], "there is no dataset 'all'"),
        (["fetch", "yeast", "--from", "nowhere"], "--from: 'nowhere' is not a folder"),
        (["fetch", "yeast", "--timeout", "0"], "argument --timeout: invalid seconds value: '0'"),
        (["check", "yeast", "--from", "x"], "unrecognized arguments: --from x"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = say(capsys, *words)
    assert (code, out, len(err)) == (2, [], 1)
    assert said in err[0]


@pytest.mark.parametrize("action", ["list", "fetch", "check", "path"])
def test_every_help_text_has_an_example(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["data", action, "--help"])
    assert f"  dashprune data {action}" in capsys.readouterr().out
