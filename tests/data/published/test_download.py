"""Downloads from a server of our own that breaks off, stalls, lies and forgets; copies from folders that do."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dashprune.data.published import download, locate
from dashprune.data.published.manifest import Entry
from dashprune.errors import DashpruneError
from tests.data.published.server import Server

CONTENT = b"".join(b"%07d" % k for k in range(1 << 17))[: 1 << 19]
SHORT = 0.3
"""Seconds of patience where the server stalls."""


def entry_of(content: bytes, name: str = "a b+c.csv") -> Entry:
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return Entry("yeast", "owner/name", "c0ffee", f"some folder/{name}", blob, len(content), "MIT", "dataset=yeast")


ENTRY = entry_of(CONTENT)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DASHPRUNE_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "PAUSE", 0.0)
    return tmp_path / "cache"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Has ENTRY, under the address that GitHub would have for it."""
    with Server() as running:
        running.files["/owner/name/c0ffee/some%20folder/a%20b%2Bc.csv"] = CONTENT
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(download, "GITHUB", running.url)
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.over.set()
        running.shutdown()
        thread.join()


def part() -> Path:
    return locate.cached(ENTRY).with_name("a b+c.csv.part")


def assert_there() -> None:
    assert locate.cached(ENTRY).read_bytes() == CONTENT
    assert not part().exists()


def refused(kind: type[DashpruneError], timeout: float = 5) -> str:
    """The one line that a download in vain gives; no file has its final name."""
    with pytest.raises(DashpruneError) as error:
        download.download(ENTRY, timeout)
    assert type(error.value) is kind
    assert "\n" not in str(error.value)
    assert not locate.cached(ENTRY).exists()
    return str(error.value)


# --- downloads -------------------------------------------------------------------------------------------------------


def test_a_file_is_downloaded_into_its_place(server: Server, cache: Path) -> None:
    download.download(ENTRY, 5)
    assert_there()
    assert locate.cached(ENTRY) == cache / "upstream/owner+name/some folder/a b+c.csv"
    assert server.asked == [None]


@pytest.mark.parametrize("fault", ["truncate", "stall"])
@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_is_continued(server: Server, fault: str, ranges: bool) -> None:
    """Twice broken off, three quarters are there; a server that knows no ranges is asked for all of it again."""
    server.faults, server.ranges = [fault, fault], ranges
    download.download(ENTRY, SHORT)
    assert_there()
    halves = [len(CONTENT) // 2, len(CONTENT) * 3 // 4 if ranges else len(CONTENT) // 2]
    assert server.asked == [None, *(f"bytes={size}-" for size in halves)]


def test_a_later_command_goes_on_where_an_earlier_one_stopped(server: Server) -> None:
    server.faults = ["truncate", 500, 500, 500]
    assert "cannot be downloaded (HTTP 500, 4 times); repeat the command later" in refused(DashpruneError)
    assert part().stat().st_size == len(CONTENT) // 2
    download.download(ENTRY, 5)
    assert_there()
    assert server.asked[-1] == f"bytes={len(CONTENT) // 2}-"


def test_a_body_that_trickles_ends_by_a_total_limit(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "SLOWEST", len(CONTENT) * 10)
    server.faults = ["trickle"] * 4
    assert "(the connection is too slow, less than 5242.88 kB per second, 4 times)" in refused(DashpruneError, SHORT)
    assert not part().exists()  # as no whole piece came


def test_a_body_without_end_is_cut_at_the_size_of_the_file(server: Server) -> None:
    server.faults = ["longer"] * 4
    assert "is not the published file" in refused(download.UnavailableError)
    assert not part().exists()
    server.faults = ["longer"]
    download.download(ENTRY, 5)
    assert_there()


def test_an_empty_answer_is_not_asked_for_for_ever(server: Server) -> None:
    server.files = dict.fromkeys(server.files, b"")
    assert "is not the published file" in refused(download.UnavailableError)
    assert len(server.asked) == 4
    assert not part().exists()


def test_the_rest_of_another_file_is_not_continued(server: Server) -> None:
    part().parent.mkdir(parents=True)
    part().write_bytes(b"x" * 1000)
    download.download(ENTRY, 5)
    assert_there()
    assert server.asked == ["bytes=1000-", None]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_partial_file_that_is_too_long_is_dropped(server: Server, ranges: bool) -> None:
    server.ranges = ranges
    part().parent.mkdir(parents=True)
    part().write_bytes(CONTENT + b"x")
    download.download(ENTRY, 5)
    assert_there()


def test_a_partial_file_that_is_complete_is_taken(server: Server) -> None:
    part().parent.mkdir(parents=True)
    part().write_bytes(CONTENT)
    download.download(ENTRY, 5)
    assert_there()


def test_a_corrupted_download_is_repeated_and_never_kept(server: Server) -> None:
    server.faults = ["corrupt"]
    download.download(ENTRY, 5)
    assert_there()
    locate.cached(ENTRY).unlink()
    server.faults = ["corrupt"] * 4
    assert "is not the published file (its git blob id is not" in refused(download.UnavailableError)
    assert not part().exists()


def test_a_damaged_file_in_the_cache_is_replaced(server: Server) -> None:
    part().parent.mkdir(parents=True)
    locate.cached(ENTRY).write_bytes(b"damaged")
    assert not locate.is_cached(ENTRY)
    download.download(ENTRY, 5)
    assert_there()
    assert locate.is_cached(ENTRY)


def test_two_at_a_time_do_not_disturb_each_other(server: Server) -> None:
    """The second waits for the first, and finds the file there."""
    server.faults = ["stall"]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: download.download(ENTRY, SHORT), range(2)))
    assert_there()
    assert server.asked == [None, f"bytes={len(CONTENT) // 2}-"]


@pytest.mark.parametrize("status", [404, 410, 451])
def test_a_file_that_upstream_has_dropped(server: Server, status: int) -> None:
    server.faults = [status]
    assert refused(download.UnavailableError).endswith(f"is gone (HTTP {status}); this rules out dataset=yeast")
    assert len(server.asked) == 1
    assert not part().exists()


def test_a_busy_server_is_asked_again(server: Server) -> None:
    server.faults = [503, 429]
    download.download(ENTRY, 5)
    assert_there()


def test_a_server_that_stalls_for_good(server: Server) -> None:
    server.faults = ["stall"] * 4
    assert f"(no data for {SHORT:g} seconds, 4 times); repeat the command" in refused(DashpruneError, SHORT)
    assert part().stat().st_size == len(CONTENT) * 15 // 16


def test_a_server_that_breaks_off_for_good(server: Server) -> None:
    server.faults = ["truncate"] * 4
    assert "cannot be downloaded (the connection broke, 4 times); repeat" in refused(DashpruneError)


def test_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "GITHUB", "http://127.0.0.1:9")
    message = refused(DashpruneError)
    assert "cannot be downloaded (no connection); repeat the command when there is a connection" in message
    assert message.endswith("dashprune data fetch yeast --from DIR")
    assert not part().exists()


# --- the disk --------------------------------------------------------------------------------------------------------


def test_a_cache_that_cannot_be_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASHPRUNE_DATA", "/dev/null/cache")
    assert "cannot be written (Not a directory); set DASHPRUNE_DATA" in refused(DashpruneError)


@pytest.mark.parametrize("copying", [False, True])
def test_a_read_only_cache(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, copying: bool) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    (tmp_path / "a b+c.csv").write_bytes(CONTENT)
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(DashpruneError, match=r"cannot be written \(Read-only file system\); set DASHPRUNE_DATA"):
        download.copy(ENTRY, tmp_path) if copying else download.download(ENTRY, 5)
    assert server.asked == []


def test_a_full_disk_while_downloading(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has been written is kept and continued."""

    class Full:
        """A file on a disk that takes only the first piece."""

        def __init__(self, _: object, file: object, __: str) -> None:
            self.file, self.pieces = file, 0

        def write(self, data: bytes) -> int:
            self.pieces += 1
            if self.pieces > 1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return int(self.file.write(data))  # type: ignore[attr-defined]

        def flush(self) -> None:
            """Nothing is held back."""

    with monkeypatch.context() as patch:
        patch.setattr(download, "CallbackIOWrapper", Full)
        assert f"the disk is full at {part()}; free some space" in refused(DashpruneError)
    kept = part().stat().st_size
    assert 0 < kept < len(CONTENT)
    download.download(ENTRY, 5)
    assert_there()
    assert server.asked == [None, f"bytes={kept}-"]


def test_a_full_disk_while_copying(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def half(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:1000])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "a b+c.csv").write_bytes(CONTENT)
    monkeypatch.setattr(shutil, "copyfile", half)
    with pytest.raises(DashpruneError, match="the disk is full at"):
        download.copy(ENTRY, tmp_path)
    assert list(part().parent.iterdir()) == []


# --- copies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["upstream/owner+name/some folder", "owner+name/some folder", "."])
def test_a_file_is_copied_from_a_mirror_or_a_plain_folder(tmp_path: Path, place: str) -> None:
    (tmp_path / "from" / place).mkdir(parents=True)
    assert not download.copy(ENTRY, tmp_path / "from")
    (tmp_path / "from" / place / "a b+c.csv").write_bytes(CONTENT)
    assert download.copy(ENTRY, tmp_path / "from")
    assert_there()


def test_a_tampered_file_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "a b+c.csv").write_bytes(CONTENT + b"x")
    with pytest.raises(download.UnavailableError, match=r"a b\+c.csv is not the published file .*; replace or remove"):
        download.copy(ENTRY, tmp_path)
    assert not locate.cached(ENTRY).exists()
    assert not part().exists()


# --- many files ------------------------------------------------------------------------------------------------------


def test_a_file_that_cannot_be_had_does_not_stop_the_others(server: Server, tmp_path: Path) -> None:
    """One is in the folder, one there is tampered with, one is gone, one is downloaded; the folder comes first."""
    copied, tampered, gone = (entry_of(name.encode(), name) for name in ("copied", "tampered", "gone"))
    for entry in (copied, tampered):
        (tmp_path / entry.path[12:]).write_bytes(b"copied")
    done = list(download.fetch([gone, ENTRY, tampered, copied], tmp_path, 5, online=True))
    assert [entry for entry, _ in done] == [tampered, copied, gone, ENTRY]
    assert [str(said).rpartition("/")[2][:25] for _, said in done] == [
        "tampered is not the publi",
        "copied",
        "gone is gone (HTTP 404); ",
        "downloaded",
    ]
    assert_there()


def test_nothing_is_downloaded_when_a_folder_was_asked_for(server: Server, tmp_path: Path) -> None:
    ((entry, said),) = download.fetch([ENTRY], tmp_path, 5, online=False)
    assert entry is ENTRY
    assert str(said).endswith("has no owner+name/some folder/a b+c.csv, which rules out dataset=yeast")
    assert server.asked == []
