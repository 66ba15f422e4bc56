import io
import json
import os
import socket
import stat
import struct
import time
import zipfile
import zlib

import pytest

from schemas.errors import Problem
from tarot_data.ingest.clean import to_readings
from tarot_data.sources import archive, reader
from tarot_data.sources.inbox import Piped, changed_after, discover, not_opened
from tarot_data.sources.records import RawRecord, Rejected

PAGE = "# x\n\nPerson: a\nCards 1: 愚人(正位)\n\n愚人站在崖边，说的是你心里其实已经走出去半步了。力量在后面轻轻拉住缰绳，正好互补。"
LINE = json.dumps({"person": "Mel", "cards": "隐士", "content": PAGE}, ensure_ascii=False)


def zipped(entries: dict[str, bytes | str], method=zipfile.ZIP_STORED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as target:
        for name, content in entries.items():
            target.writestr(name, content)
    return data.getvalue()


def one(read, data: bytes, name: str = "a.zip") -> Rejected:
    (record,) = read({name: data})
    assert isinstance(record, Rejected)
    return record


@pytest.mark.parametrize(
    "name",
    ["../../outside.md", "/etc/x.md", "C:\\x.md", "..\\x.md", "a/../../x.md", "\\\\server\\x.md", "a\\..\\..\\x.md"],
)
def test_path_traversal_refuses_the_archive(read, tmp_path, name):
    record = one(
        read,
        zipped({"Readings 6c05b8c41bcf40f9be4f7dd503141fd2/a 1590a8aac1a380d18a77cf77928aaf83.md": PAGE, name: PAGE}),
    )
    assert record.reason == "unsafe"
    assert not (tmp_path / "outside.md").exists()


def test_inner_path_traversal_refuses_the_archive(read):
    good = zipped({"Readings 6c05b8c41bcf40f9be4f7dd503141fd2/a 1590a8aac1a380d18a77cf77928aaf83.md": PAGE})
    record = one(read, zipped({"Export-1-Part-1.zip": good, "Export-1-Part-2.zip": zipped({"../x.md": PAGE})}))
    assert (record.reason, record.source.member) == ("unsafe", None)


def test_a_symbolic_link_in_an_archive_is_unsafe(read):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as target:
        info = zipfile.ZipInfo("link.md")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        target.writestr(info, "/etc/passwd")
    assert one(read, data.getvalue()).reason == "unsafe"


def test_an_encrypted_archive_is_unreadable_and_says_why(read):
    data = bytearray(zipped({"a.md": PAGE}))
    for marker, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = data.index(marker) + offset
        data[place] |= 1
    record = one(read, bytes(data))
    assert (record.reason, record.code) == ("unreadable", "encrypted_entry")


def test_an_entry_without_a_name_is_damage(read):
    data = zipped({"a.md": PAGE}).replace(b"a.md", b"\0.md")
    assert one(read, data).code == "nameless_entry"


def test_two_entries_of_one_name_are_unsafe(read):
    data = io.BytesIO()
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(data, "w") as target:
        target.writestr("a.md", PAGE)
        target.writestr("a.md", PAGE + "x")
    assert one(read, data.getvalue()).reason == "unsafe"


def test_zip_bombs_are_unsafe(read):
    assert one(read, zipped({"a.md": b"0" * 5_000_000}, zipfile.ZIP_DEFLATED)).reason == "unsafe"


def test_a_false_declared_size_is_found(read):
    raw = b"0" * 50_000_000
    packed = zlib.compress(raw, 9)[2:-4]
    name = b"a 1590a8aac1a380d18a77cf77928aaf83.md"
    crc, small = zlib.crc32(raw), 1000
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 8, 0, 0, crc, len(packed), small, len(name), 0) + name + packed
    central = (
        struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 8, 0, 0, crc, len(packed), small, len(name), 0, 0, 0, 0, 0, 0)
        + name
    )
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(central), len(local), 0)
    records = read({"a.zip": local + central + end})
    assert [record.reason for record in records] in (["unsafe"], ["unreadable"])


def test_too_many_entries_are_unsafe(read, monkeypatch):
    monkeypatch.setattr(archive, "MAX_ENTRIES", 20)
    assert one(read, zipped({f"{number}.md": "x" for number in range(21)})).reason == "unsafe"


def test_too_much_in_all_is_unsafe(read, monkeypatch):
    monkeypatch.setattr(archive, "MAX_TOTAL", 1000)
    assert one(read, zipped({"a.md": "x" * 600, "b.md": "y" * 600})).reason == "unsafe"


def test_deeply_nested_zips_are_refused(read):
    inner = zipped({"a.jsonl": LINE})
    records = read({"a.zip": zipped({"b.zip": zipped({"c.zip": inner})})})
    assert all(isinstance(record, Rejected) and record.reason == "unreadable" for record in records)
    assert records


def test_a_plain_zip_is_a_folder_in_disguise(read):
    records = read(
        {
            "a.zip": zipped(
                {"x/a.jsonl": LINE, "photo.png": b"\x89PNG\r\n\x1a\n", ".DS_Store": b"\0", "__MACOSX/._a": b"\0"}
            )
        }
    )
    assert [(type(r).__name__, r.source.member, r.source.form) for r in records] == [
        ("Rejected", "photo.png", "unknown"),
        ("RawRecord", "x/a.jsonl", "jsonl"),
    ]


@pytest.mark.parametrize("cut", [3, 30, 200, -30, -1])
def test_a_truncated_archive_is_unreadable_and_not_text(read, cut):
    data = zipped({"a.md": PAGE * 5})
    record = one(read, data[:cut])
    assert record.reason == "unreadable"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x00\x00\x18ftypheic" + bytes(200),
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"\xff\xd8\xff\xe0" + bytes(100),
        b"%PDF-1.4\n" + bytes(100),
        b"7z\xbc\xaf\x27\x1c" + bytes(100),
        b"Rar!\x1a\x07" + bytes(100),
        b"\x1f\x8b\x08" + bytes(100),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100),
        bytes(4096),
        bytes(range(256)) * 40,
        b"MZ" + bytes(200),
    ],
)
def test_files_of_no_text_are_unreadable(read, data):
    assert one(read, data, "a.bin").reason == "unreadable"


def test_one_bad_file_never_stops_the_others(read):
    records = read(
        {
            "a.zip": b"PK\3\4broken",
            "b.jsonl": LINE,
            "c.xlsx": b"PK\3\4" + bytes(50),
            "d.db": b"SQLite format 3\0" + bytes(20),
        }
    )
    assert [type(record).__name__ for record in records] == ["Rejected", "RawRecord", "Rejected", "Rejected"]


def test_links_devices_and_circles_are_passed_over(inbox, tmp_path):
    root = inbox({"a.jsonl": LINE})
    outside = tmp_path / "secret.jsonl"
    outside.write_text(LINE)
    (root / "link.jsonl").symlink_to(outside)
    (root / "circle").symlink_to(root)
    os.mkfifo(root / "pipe.txt")
    assert [file.name for file in discover([root])] == ["a.jsonl"]
    assert [record.reason for record in reader.read(root / "link.jsonl", root)] == ["unreadable"]
    assert [record.reason for record in reader.read(root / "pipe.txt", root)] == ["unreadable"]


def test_a_forbidden_file_is_unreadable(inbox, monkeypatch):
    root = inbox({"a.jsonl": LINE})
    (root / "a.jsonl").chmod(0)
    if os.access(root / "a.jsonl", os.R_OK):
        pytest.skip("this user may open everything")
    assert [record.reason for record in reader.read(root / "a.jsonl", root)] == ["unreadable"]


def test_a_file_that_is_gone_is_unreadable(inbox):
    root = inbox({"a.jsonl": LINE})
    assert [record.reason for record in reader.read(root / "b.jsonl", root)] == ["unreadable"]


def test_noise_is_passed_over(inbox):
    names = (
        ".DS_Store",
        "._a.md",
        "__MACOSX/b.md",
        "Thumbs.db",
        "desktop.ini",
        "~$解读.docx",
        ".~lock.a.csv#",
        ".git/HEAD",
        ".阿宁.md.icloud",
        "x/.obsidian/app.json",
    )
    root = inbox({"a.jsonl": LINE, **dict.fromkeys(names, "x")})
    assert [file.name for file in discover([root])] == ["a.jsonl"]


def test_files_are_named_below_their_inbox_and_sorted(inbox):
    root = inbox({"b/二.jsonl": LINE, "a.jsonl": LINE + "\n"})
    (alone,) = discover([root / "b" / "二.jsonl"])
    found = discover([root, root / "b"])
    assert [file.name for file in found] == ["a.jsonl", "b/二.jsonl"]
    assert alone.name == "二.jsonl"
    assert found[0].size == len((LINE + "\n").encode())
    assert found[0].sha256 != found[1].sha256


def test_a_missing_path_is_a_problem(tmp_path):
    with pytest.raises(Problem, match="does not exist"):
        discover([tmp_path / "nowhere"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_pipes_sockets_and_links_are_named_unopened(inbox):
    root = inbox({"a.jsonl": LINE, "b/c.jsonl": LINE})
    os.mkfifo(root / "pipe.md")
    (root / "b" / "loop").symlink_to("..")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "s"))
        assert not_opened([root]) == ["pipe.md", "s", "b/loop"]
        assert [file.name for file in discover([root])] == ["a.jsonl", "b/c.jsonl"]
        for given in ("pipe.md", "s"):
            with pytest.raises(Problem, match="not a file"):
                not_opened([root / given])


def test_a_moved_old_file_counts_as_changed(inbox):
    root = inbox({"a.jsonl": LINE, "b/c.jsonl": LINE})
    read = time.time() + 0.01  # the clock of a file system is coarser
    assert not changed_after([root], read) and changed_after([root], read - 60)
    time.sleep(0.05)
    (root / "b/c.jsonl").rename(root / "b/d.jsonl")
    assert changed_after([root], read) and not changed_after([root / "a.jsonl"], read)
    assert changed_after([Piped(b"")], read)


def test_names_decomposed_by_a_mac_are_composed(inbox):
    import unicodedata

    root = inbox({unicodedata.normalize("NFD", "Café.jsonl"): LINE})
    (file,) = discover([root])
    assert file.name == "Café.jsonl"
    assert [record.source.file for record in reader.read(file.path, file.root)] == ["Café.jsonl"]


def test_details_in_names_are_masked_distinctly(inbox):
    root = inbox(
        {"13800138000.jsonl": LINE, "13900139000.jsonl": LINE, "a.zip": zipped({"微信号wx_moon88.jsonl": LINE})}
    )
    found = discover([root])
    records = [record for file in found for record in reader.read(file.path, file.root)]
    names = [record.source.file for record in records]
    assert names == [file.name for file in found]
    assert len(set(names)) == 3
    text = to_readings(records)[0].write_json() + str(names)
    assert not any(secret in text for secret in ("13800138000", "13900139000", "wx_moon88"))


def test_records_are_found_by_their_locator(inbox):
    root = inbox({"a.jsonl": f"{LINE}\n{{bad\n", "b.zip": zipped({"x/13800138000.jsonl": LINE})})
    for file in discover([root]):
        for record in reader.read(file.path, file.root):
            source = record.source
            again = reader.read_again(file.path, source.member, source.locator)
            assert type(again) is type(record)
            assert again.source.locator == source.locator
            if isinstance(record, RawRecord):
                assert again.content == record.content
    with pytest.raises(Problem, match="Nothing stands"):
        reader.read_again(root / "a.jsonl", None, "line 99")
    with pytest.raises(Problem, match="does not exist"):
        reader.read_again(root / "gone.jsonl", None, "line 1")


def test_a_line_that_never_ends_costs_no_memory(tmp_path):
    import tracemalloc

    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(LINE.encode() + b"\n" + b'{"content": "')
        for _ in range(150):
            file.write(b"x" * 1_000_000)
        file.write(b"\n" + LINE.encode() + b"\n")
    tracemalloc.start()
    records = list(reader.read(path, tmp_path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [type(record).__name__ for record in records] == ["RawRecord", "Rejected", "RawRecord"]
    assert peak < 60_000_000


@pytest.mark.parametrize("piece", ["[[", "\r", " ", "%%", "> "])
def test_many_marks_are_read_fast(read, piece):
    note = f"---\nperson: Mel\nquestion: 换组\ncards:\n  - 愚人 正位\n---\n{PAGE[40:]}\n{piece * 100_000}\n"
    (record,) = read({"2024-01-05 换组.md": note})
    assert isinstance(record, RawRecord) and record.content.startswith(PAGE[40:60])


def test_html_in_content_is_removed_or_text(read):
    content = (
        "<script>alert('x')</script>"
        + PAGE[40:]
        + "<img src=x onerror=alert(1)><a href='javascript:x'>点</a> <3 >_< <愚人>"
    )
    readings, _ = to_readings(
        read({"a.jsonl": json.dumps({"person": "<b>Mel</b>", "cards": "隐士", "content": content})})
    )
    assert readings["person"].to_list() == ["Mel"]
    assert "alert" not in readings["content"][0]
    assert readings["content"][0].endswith("点 <3 >_< <愚人>")
