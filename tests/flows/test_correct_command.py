"""`tarot fix` and `tarot remove` for accepted readings, and the files that `--content` takes."""

import io
import json
import zipfile

import pytest

from flows.cli import main
from tarot_data import lexicon
from tarot_data.store import tables
from tests.ingest.test_fixes import CONFLICT, FIRST, GOOD, SECOND, WRONG_CARD, ids, lay, take_in

NEW = "愚人正位让你先迈出那半步，力量正位说慢慢来，急不得，也停不下。下个月把手上的项目收好尾，再谈换组的事情，祝一切顺利。"
FOOL = {"person": "Mel", "question": "换组", "cards": "愚人正位、力量正位", "content": FIRST}


@pytest.fixture
def data(tmp_path):
    before = lexicon.active().folder
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    lay(inbox, FOOL, GOOD, WRONG_CARD, CONFLICT)
    take_in(tmp_path / "data", inbox)
    yield tmp_path / "data"
    lexicon.use(before)


def tarot(data, *arguments):
    """Run a command in this process; return its exit code."""
    try:
        main([*map(str, arguments), "--data-dir", str(data), "--lang", "en"])
    except SystemExit as end:
        return end.code or 0
    return 0


def docx(*paragraphs):
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    name = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{name}"><w:body>{body}</w:body></w:document>')
    return out.getvalue()


def xlsx():
    from openpyxl import Workbook

    book, out = Workbook(), io.BytesIO()
    book.active.append(["正文"])
    book.save(out)
    return out.getvalue()


def test_readings_and_rejections_are_fixed_in_one_call(data, capsys):
    reading, rejection = ids(data)[FIRST], tables.rejections(data)["rejection_id"][0]
    assert tarot(data, "fix", reading[:10], rejection[:10], "--person", "小鱼", "--json") == 1
    became = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["became"] for row in became] == ["same", "corrected"]
    assert {row["person"] for row in tables.readings(data).to_dicts()} == {"小鱼", "Mel"}


def test_a_corrected_reading_is_printed(data, capsys):
    reading = ids(data)[FIRST]
    assert tarot(data, "fix", reading, "--date", "2024-03-02", "--spread", "过去现在") == 0
    assert f"{reading}: corrected" in capsys.readouterr().out
    assert tarot(data, "fix", reading, "--date", "2024-03-02") == 0
    assert f"{reading}: nothing to change" in capsys.readouterr().out
    assert tarot(data, "fix", reading, "--cards", "愚人逆位、力量正位") == 1
    assert "not changed (" in capsys.readouterr().out
    assert tarot(data, "fix", reading, "--cards", "愚仁正位") == 1
    assert "愚仁" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("gbk.txt", NEW.encode("gb18030")),
        ("utf16.txt", NEW.encode("utf-16")),
        ("bom.md", b"\xef\xbb\xbf" + NEW.encode()),
        ("crlf.txt", NEW.replace("。", "。\r\n").encode()),
        ("words.docx", docx(NEW[:30], NEW[30:])),
    ],
)
def test_content_is_read_from_text_and_word_files(data, tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    reading = ids(data)[FIRST]
    assert tarot(data, "fix", reading, "--content", path) == 0
    row = tables.reading(data, reading)
    assert "".join(row["content"].split()) == "".join(NEW.split()) and "\r" not in row["content"]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.xlsx", xlsx(), "tables"),
        ("a.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF"),
        ("a.txt", b"", "empty"),
        ("b.txt", b" \n\t\n", "empty"),
        ("a.bin", bytes(range(256)) * 20, "binary"),
        ("a.docx", b"PK\x03\x04broken", ""),
        ("a.zip", None, ""),
    ],
)
def test_a_file_without_a_text_is_named_in_a_sentence(data, tmp_path, capsys, name, content, why):
    path = tmp_path / name
    path.mkdir() if content is None else path.write_bytes(content)
    before = tables.readings(data)
    assert tarot(data, "fix", ids(data)[FIRST], "--content", path) == 1
    *doing, error = capsys.readouterr().err.splitlines()
    assert str(path) in error and why in error and ".docx" in error and len(doing) < 2
    assert tables.readings(data).equals(before)


def test_readings_of_a_person_are_listed_by_any_spelling(data, capsys):
    assert tarot(data, "fix", ids(data)[FIRST], "--person", "小鱼") == 0
    capsys.readouterr()
    assert tarot(data, "readings", "--person", "小 鱼🌸", "--json") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["person"] == "小鱼"


def test_an_ambiguous_id_names_its_matches(data, capsys):
    assert tarot(data, "fix", "r", "--person", "小鱼") == 1
    error = capsys.readouterr().err
    assert ids(data)[FIRST] in error and ids(data)[SECOND] in error
    assert tarot(data, "fix", "q", "--person", "小鱼") == 1
    assert "tarot rejected" in capsys.readouterr().err


def test_a_reading_is_removed_and_allowed_again(data, capsys):
    reading = ids(data)[SECOND]
    assert tarot(data, "remove", reading[:8], "--dry-run") == 0
    assert tarot(data, "remove", reading[:8]) == 0
    assert f"tarot remove --data-dir {data} {reading} --allow-again" in capsys.readouterr().out
    assert tables.reading(data, reading) is None
    assert tarot(data, "remove", reading) == 1
    assert tarot(data, "remove", reading, "--allow-again") == 0
    assert tarot(data, "fix", ids(data)[FIRST], "--dismiss") == 1
    assert "tarot remove" in capsys.readouterr().err
