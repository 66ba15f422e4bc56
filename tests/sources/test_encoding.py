import random

import pytest

from tarot_data import lexicon
from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.encoding import decoded, encoding_of, line_of
from tarot_data.sources.records import SourceError
from tests.sources import layouts


@pytest.fixture(scope="module")
def snippets():
    """Return two hundred snippets of 300 characters of the annotated readings, simplified and traditional."""
    import opencc

    rng = random.Random(5)
    texts = [r["content"] for r in layouts.annotated_readings() if len(r["content"]) > 300]
    traditional = opencc.OpenCC("s2t")
    simple = [text[:300] for text in rng.choices(texts, k=200)]
    return simple, [traditional.convert(text) for text in simple]


@pytest.mark.parametrize(
    ("encoding", "script", "share"), [("gb18030", 0, 1.0), ("gb18030", 1, 0.97), ("cp950", 1, 0.97)]
)
def test_legacy_encodings_are_distinguished(snippets, encoding, script, share):
    wanted = [text.encode(encoding, "ignore").decode(encoding) for text in snippets[script]]
    right = sum(decoded(text.encode(encoding))[0] == text for text in wanted)
    assert right >= share * len(wanted)


def test_a_short_header_is_enough():
    assert decoded("諮詢者,問題,牌陣".encode("cp950"))[0] == "諮詢者,問題,牌陣"
    assert decoded("咨询者,问题,牌阵".encode("gbk"))[0] == "咨询者,问题,牌阵"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_encodings(encoding):
    assert decoded(f"咨询者：Mel\n{'愚人正位。' * 9}".encode(encoding))[0] == f"咨询者：Mel\n{'愚人正位。' * 9}"


@pytest.mark.parametrize("cut", [1, 2])
def test_file_cut_inside_a_character_is_utf8(cut):
    assert encoding_of("愚人正位，权杖三逆位。".encode()[:-cut]) == "utf-8"


def test_utf8_with_a_few_bad_lines_is_utf8():
    data = "愚人正位\n".encode() * 5 + "力量\n".encode("gbk") + "愚人正位\n".encode() * 5
    assert encoding_of(data) == "utf-8"
    assert line_of("力量站在狮子旁边，我们看这张牌".encode("gbk"), "utf-8") == "力量站在狮子旁边，我们看这张牌"
    assert line_of(b"\xff\xfe\x81\x20\xff", "utf-8") is None


@pytest.mark.parametrize(
    "data", [bytes(range(256)) * 8, b"\0" * 100, b"\x01\x02\x03" * 50, random.Random(1).randbytes(4096)]
)
def test_bytes_that_are_no_text(data):
    with pytest.raises(SourceError):
        decoded(data)


def test_synonyms_match_in_every_way_of_writing():
    import opencc

    traditional = opencc.OpenCC("s2t")
    for row in lexicon.read_table("fields"):
        for word in row["synonyms"].split("|"):
            for written in (word, traditional.convert(word), f" {word.upper()} ：", f"【{word}】", f"**{word}**"):
                assert field_of(written) == (row["field"], 1), (row.place, written)


@pytest.mark.parametrize(
    ("label", "meaning"),
    [
        ("Cards 2", ("cards", 2)),
        ("牌2", ("cards", 2)),
        ("Cards (2)", ("cards", 2)),
        ("牌（２）", ("cards", 2)),
        ("牌二", ("cards", 2)),
        ("牌阵 3", ("spread", 3)),
        ("spread_name", ("spread", 1)),
        ("Created At", ("date", 1)),
        ("咨询内容", ("question", 1)),
        ("内容", ("content", 1)),
        ("客户微信", ("ignored", 1)),
        ("价格", ("ignored", 1)),
        ("牌的意思", None),
        ("", None),
        ("x" * 500, None),
    ],
)
def test_labels(label, meaning):
    assert field_of(label) == meaning


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_half_character_at_the_end_is_dropped(encoding):
    whole = "星币四在前面，先把账算清，再谈搬家的事。" * 5
    assert decoded((whole + "好").encode(encoding)[:-1]) == (whole, encoding)
