import csv
import io
import zipfile

import pytest

from tarot_data.ingest.clean import to_reading, to_readings
from tarot_data.sources.records import RawRecord, Rejected, masked_name

ID = "1590a8aac1a380d18a77cf77928aaf83"
BASE = "6c05b8c41bcf40f9be4f7dd503141fd2"
BODY = "愚人站在崖边，说的是你心里其实已经走出去半步了。力量在后面轻轻拉住缰绳，一松一紧，正好互补，慢慢来。"
PAGE = f"""# 外派

Person: Mel
Date: January 5, 2024
Reader: 阿月
Cards 1: 愚人(正位), 力量(正位)
Spread 1: 两张牌
Cards 2: 宝剑三(逆位), 星星(正位), 权杖八(正位)
Spread 2: 圣三角
Related: 上次 (%E4%B8%8A%E6%AC%A1%2010bd4deadd2c80079d77f260baeb080f.md)

![IMG_0412.jpeg](%E5%A4%96%E6%B4%BE%201590a8aac1a380d18a77cf77928aaf83/IMG_0412.jpeg)

## 第一组

{BODY}
"""


def zipped(entries: dict[str, bytes | str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return data.getvalue()


def table(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return ("\ufeff" + text.getvalue().removesuffix("\r\n")).encode()


def drawn(reading: dict) -> list[tuple]:
    return [(c["draw"], c["place"], c["card"], c["orientation"]) for c in reading["cards"]]


def test_a_page_with_two_draws_and_a_picture(read):
    (record,) = read({f"外派 {ID}.md": PAGE})
    reading = to_reading(record)
    assert (reading["person"], reading["question"], str(reading["date"])) == ("Mel", "外派", "2024-01-05")
    assert [(d["draw"], d["spread"], d["spread_id"]) for d in reading["draws"]] == [
        (1, "两张牌", "two_card"),
        (2, "圣三角", "holy_triangle"),
    ]
    assert drawn(reading) == [
        (1, 1, "愚人", "upright"),
        (1, 2, "力量", "upright"),
        (2, 1, "宝剑三", "reversed"),
        (2, 2, "星星", "upright"),
        (2, 3, "权杖八", "upright"),
    ]
    assert reading["content"] == f"## 第一组\n\n{BODY}"
    assert (record.source.locator, record.source.form, record.record_id) == (f"page {ID}", "notion", ID)


def test_property_names_may_be_chinese_and_numbered(read):
    page = f"# 搬家\n\n咨询者: 阿宁\n创建时间: 2024年1月5日 21:03\n牌: 正义(正位)\n牌阵: 单张\n牌 (2): 死神(逆位)\n牌阵 (2): 单张\n\n{BODY}"
    reading = to_reading(read({f"搬家 {ID}.md": page})[0])
    assert (reading["person"], str(reading["date"])) == ("阿宁", "2024-01-05")
    assert drawn(reading) == [(1, 1, "正义", "upright"), (2, 1, "死神", "reversed")]


def test_one_of_a_numbered_pair_may_be_missing(read):
    page = f"# 搬家\n\nPerson: 阿宁\nCards 2: 死神(逆位)\nSpread 1: 单张\n\n{BODY}"
    (record,) = read({f"搬家 {ID}.md": page})
    assert [(d.spread, d.cards) for d in record.draws] == [("单张", None), (None, "死神(逆位)")]


def test_a_body_may_begin_like_a_property(read):
    page = f"# 搬家\n\n建议: 先睡觉\n别急: 真的\n\n{BODY}"
    (record,) = read({f"搬家 {ID}.md": page})
    assert record.content.startswith("建议: 先睡觉\n别急: 真的")
    assert record.person is None


def test_a_property_continues_over_unnamed_lines(read):
    page = f"# 搬家\n\nPerson: 阿宁\nQuestion: 妈妈想搬来同住，\n我该怎么说\nCards 1: 正义\n\n{BODY}"
    (record,) = read({f"搬家 {ID}.md": page})
    assert record.question == "妈妈想搬来同住，\n我该怎么说"
    assert record.draws[0].cards == "正义"


def test_a_relation_is_its_title_without_the_path(read):
    page = (
        f"# 搬家\n\nPerson: 阿宁 (../%E5%AE%A2%E6%88%B7/%E9%98%BF%E5%AE%81%20{BASE}.md)\nCards 1: 正义(正位)\n\n{BODY}"
    )
    assert to_reading(read({f"搬家 {ID}.md": page})[0])["person"] == "阿宁"


def test_an_untitled_page_has_no_question(read):
    page = f"# Untitled\n\nPerson: 阿宁\nCards 1: 正义(正位)\n\n{BODY}"
    reading = to_reading(read({f"Untitled {ID}.md": page})[0])
    assert reading["question"] is None
    assert "missing_question" in reading["flags"]


def test_callouts_keep_their_words(read):
    page = f"# 搬家\n\nPerson: 阿宁\nCards 1: 正义(正位)\n\n<aside>\n💡 先量好新房\n\n</aside>\n\n{BODY}"
    assert to_reading(read({f"搬家 {ID}.md": page})[0])["content"] == f"💡 先量好新房\n\n{BODY}"


def test_a_page_with_only_pictures_is_empty(read):
    page = "# 空白页\n\nPerson: Mel\nCards 1: 愚人(正位)\n\n![a](a.png)\n"
    _, rejections = to_readings(read({f"空白页 {ID}.md": page}))
    assert rejections["reason"].to_list() == ["empty_body"]


@pytest.mark.parametrize("wrapper", ["", "Export-7d20/", "Private & Shared/"])
def test_pages_with_their_table_are_read_once(read, wrapper):
    rows = [["Name", "Person", "Date", "Cards 1"], ["外派", "Mel", "January 5, 2024", "愚人(正位), 力量(正位)"]]
    data = zipped(
        {
            f"{wrapper}Readings {BASE}/外派 {ID}.md": PAGE,
            f"{wrapper}Readings {BASE}/外派 {ID}/IMG_0412.jpeg": b"\xff\xd8\xff",
            f"{wrapper}Readings {BASE}.csv": table(rows),
            f"{wrapper}Readings {BASE}_all.csv": table(rows),
            f"{wrapper}index.html": "<html></html>",
            f"__MACOSX/{wrapper}Readings {BASE}/._外派 {ID}.md": b"\0\5\x16\7",
        }
    )
    (record,) = read({"Export.zip": data})
    assert isinstance(record, RawRecord)
    assert record.source.member == f"{wrapper}Readings {BASE}/外派 {ID}.md"


def test_inner_parts_are_read_attached_zips_are_not(read):
    inner = zipped({f"Readings {BASE}/外派 {ID}.md": PAGE})
    other = zipped({f"Readings {BASE}/别的 {BASE}.md": PAGE})
    outer = zipped({"ExportBlock-7d20-Part-1.zip": inner, "附件.zip": other})
    (record,) = read({"9c1f_ExportBlock-7d20.zip": outer})
    assert record.source.member == f"ExportBlock-7d20-Part-1.zip/Readings {BASE}/外派 {ID}.md"


def test_a_table_may_be_in_another_part(read):
    rows = [["Name", "Person", "Content"], ["外派", "Mel", BODY]]
    outer = zipped(
        {
            "Export-7d20-Part-1.zip": zipped({f"Readings {BASE}.csv": table(rows)}),
            "Export-7d20-Part-2.zip": zipped({f"Readings {BASE}/外派 {ID}.md": PAGE}),
        }
    )
    assert [record.source.form for record in read({"e.zip": outer})] == ["notion"]


def test_the_folder_of_pages_may_lack_the_id(read):
    rows = [["Name", "Person", "Cards 1", "Content"], ["外派", "Mel", "愚人(正位)", BODY]]
    files = {
        f"db/Readings {BASE}.csv": table(rows),
        f"db/Readings/外派 {ID}.md": PAGE,
        "db/Readings/a.png": b"\x89PNG\r\n",
    }
    assert [record.source.form for record in read({"e.zip": zipped(files)})] == ["notion"]
    assert [r.source.file for r in read(files) if r.source.file.startswith("db/")] == [f"db/Readings/外派 {ID}.md"]


def test_an_unpacked_export_is_read_like_the_zip(read):
    rows = [["Name", "Person"], ["外派", "Mel"]]
    records = read(
        {
            f"Readings {BASE}/外派 {ID}.md": PAGE,
            f"Readings {BASE}/外派 {ID}/IMG_0412.jpeg": b"\xff\xd8\xff\xe0",
            f"Readings {BASE}.csv": table(rows),
            f"Readings {BASE}_all.csv": table(rows),
        }
    )
    assert [record.source.file for record in records] == [f"Readings {BASE}/外派 {ID}.md"]


def test_a_table_without_pages_is_read_once(read):
    rows = [["Name", "Person", "Cards 1", "Content"], ["外派", "Mel", "愚人(正位)", BODY]]
    files = {f"Readings {BASE}.csv": table([row[:3] for row in rows]), f"Readings {BASE}_all.csv": table(rows)}
    (record,) = read({"e.zip": zipped(files)})
    assert (record.person, record.question, record.content) == ("Mel", "外派", BODY)
    assert [r.source.file for r in read(files) if r.source.form == "csv" and not r.source.member] == [
        f"Readings {BASE}_all.csv"
    ]


def test_entry_names_without_utf8_flag_are_decoded(read):
    # zipfile always sets the flag for such a name, so the bytes replace an ASCII one of the same length.
    for encoding, file in (("utf-8", "a.zip"), ("gb18030", "b.zip")):
        name = f"愚人 {ID}.md".encode(encoding)
        data = zipped({"x" * len(name): PAGE, f"y {BASE}.txt": ""}).replace(b"x" * len(name), name)
        records = [
            record for record in read({file: data}) if record.source.file == file and record.source.form == "notion"
        ]
        assert [record.source.member for record in records] == [f"愚人 {ID}.md"]


def test_a_page_of_links_is_no_reading(read):
    page = f"# 塔罗\n\n[Readings](Readings%20{BASE}.csv)\n\n[外派](a/%E5%A4%96%20{ID}.md)\n"
    assert read({f"塔罗 {BASE}.md": page}) == []


def test_notion_html_pages_have_property_rows(read):
    page = f"""<html><head><style>p{{}}</style></head><body><article id="1590a8aa-c1a3-80d1-8a77-cf77928aaf83" class="page sans">
<header><h1 class="page-title">外派</h1><table class="properties"><tbody>
<tr class="property-row property-row-text"><th><span>Person</span></th><td>Mel</td></tr>
<tr class="property-row property-row-multi_select"><th>Cards 1</th><td><span class="selected-value">愚人(正位)</span><span class="selected-value">力量(逆位)</span></td></tr>
<tr class="property-row property-row-date"><th>Date</th><td><time>@January 5, 2024</time></td></tr>
</tbody></table></header><div class="page-body"><p>{BODY}</p><p>第二段 &amp; 完</p></div></article></body></html>"""
    reading = to_reading(read({f"外派 {ID}.html": page})[0])
    assert (reading["person"], reading["question"], str(reading["date"])) == ("Mel", "外派", "2024-01-05")
    assert drawn(reading) == [(1, 1, "愚人", "upright"), (1, 2, "力量", "reversed")]
    assert reading["content"] == f"{BODY}\n\n第二段 & 完"


def test_a_damaged_page_costs_only_itself(read):
    data = bytearray(
        zipped({f"Readings {BASE}/a {ID}.md": PAGE, f"Readings {BASE}/b {BASE}.md": PAGE.replace("外派", "出国")})
    )
    at = data.index("走出去半步".encode())
    data[at : at + 3] = b"xxx"  # the checksum is now wrong
    records = read({"e.zip": bytes(data)})
    assert sorted(type(record).__name__ for record in records) == ["RawRecord", "Rejected"]
    (broken,) = [record for record in records if isinstance(record, Rejected)]
    assert (broken.reason, broken.source.member) == ("unreadable", f"Readings {BASE}/a {ID}.md")


def test_a_unique_table_row_completes_its_page(read):
    rows = [
        ["Name", "Person", "Cards", "Spread"],
        ["外派", "Mel", "愚人(正位)", "单张"],
        ["感情", "阿宁", "力量", "单张"],
        ["感情", "小满", "星星", "单张"],
    ]
    pages = {
        f"R {BASE}/外派 {ID}.md": f"# 外派\n\nPerson: 阿哲\n\n{BODY}",
        f"R {BASE}/感情 {ID[::-1]}.md": f"# 感情\n\n{BODY}",
    }
    files = {f"R {BASE}_all.csv": table(rows), **pages}
    readings, rejections = to_readings(read({"a.zip": zipped(files), **files}))
    for reading in readings.to_dicts():
        assert (reading["person"], reading["draws"][0]["spread"]) == ("阿哲", "单张")
        assert [(c["card"], c["orientation"]) for c in reading["cards"]] == [("愚人", "upright")]
    assert (readings.height, rejections["reason"].to_list()) == (2, ["no_cards", "no_cards"])


def test_a_page_with_only_a_title_is_empty(read):
    (record,) = read({f"空白页 {ID}.md": "# 空白页"})
    assert to_reading(record)["reason"] == "empty_body"


def test_a_property_for_an_extra_card(read):
    (record,) = read(
        {f"外派 {ID}.md": f"# 外派\n\nPerson: Mel\nCards: 愚人(正位)\n底牌: 月亮(逆位)\nSpread: 单张\n\n{BODY}"}
    )
    cards = [(c["place"], c["position"], c["card"]) for c in to_reading(record)["cards"]]
    assert cards == [(1, "指引", "愚人"), (0, "底牌", "月亮")]


def test_cards_under_a_heading_below_the_properties(read):
    body = "隐士提着灯，你这半年一直在自己找路。战车倒过来，是缰绳松了。太阳在最后，慢慢就亮了。"
    page = (
        f"# 换组\n\n客户: Mel\n牌阵: 二选一\n\n## 抽牌\n\n1. 过去：隐士 正位\n2. 现在：战车 逆位\n\n## 解读\n\n{body}\n"
    )
    (record,) = read({f"换组 {'0' * 31}1.md": page})
    reading = to_reading(record)
    assert [(c["position"], c["orientation"]) for c in reading["cards"]] == [("过去", "upright"), ("现在", "reversed")]
    assert reading["content"] == body


@pytest.mark.parametrize("heading", ["## 解读", "### Reading", "**解读**", "## 🔮 解读："])
def test_a_heading_that_means_the_content_is_no_part_of_it(read, heading):
    page = f"# 外派\n\nPerson: Mel\nCards: 愚人(正位), 力量(正位)\n\n{heading}\n\n{BODY}\n"
    assert read({f"外派 {ID}.md": page})[0].content.strip() == BODY


def test_a_heading_of_another_kind_stays_in_the_content(read):
    page = f"# 外派\n\nPerson: Mel\nCards: 愚人(正位), 力量(正位)\n\n## 第一组\n\n{BODY}\n"
    assert read({f"外派 {ID}.md": page})[0].content.startswith("## 第一组")


def test_a_page_id_of_digits_is_no_contact_detail():
    page = "1234567890" * 3 + "12"
    assert masked_name(f"小鹿 {page}.md") == f"小鹿 {page}.md"
    assert masked_name(f"小鹿 13800138000 {page}.md").startswith(f"小鹿 〔手机号〕 {page}.md~")
    assert "〔" in masked_name("小鹿 123456789012345678901234567890.md")
