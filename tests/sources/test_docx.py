import io
import zipfile

import pytest

from tarot_data.ingest.clean import to_reading, to_readings

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
BODY = "隐士提着灯，你这半年一直在自己找路。战车倒过来，是缰绳松了。太阳在最后，孩子骑着白马出来，慢慢就亮了。"


def p(text: str, style: str = "", extra: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    runs = "<w:br/>".join(f'<w:t xml:space="preserve">{line}</w:t>' for line in text.split("\n"))
    return f"<w:p>{properties}<w:r>{runs}</w:r>{extra}</w:p>"


def table(*rows: list[str]) -> str:
    return (
        "<w:tbl>"
        + "".join("<w:tr>" + "".join(f"<w:tc>{p(cell)}</w:tc>" for cell in row) + "</w:tr>" for row in rows)
        + "</w:tbl>"
    )


def document(*blocks: str, head: str = "") -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("docProps/core.xml", "<x><creator>阿月 13800001111</creator></x>")
        archive.writestr("word/comments.xml", "<x>下次问她房租</x>")
        archive.writestr(
            "word/document.xml",
            f'<?xml version="1.0" encoding="UTF-8"?>{head}<w:document xmlns:w="{W}"><w:body>{"".join(blocks)}<w:sectPr/></w:body></w:document>',
        )
    return data.getvalue()


LABELS = p("咨询者：Mel\n牌阵：圣三角")
CARDS = table(["牌位", "牌", "正逆"], ["过去", "隐士", "正"], ["现在", "战车", "逆"], ["未来", "太阳", ""])
THREE = [("过去", "隐士", "upright"), ("现在", "战车", "reversed"), ("未来", "太阳", "unknown")]


def cards(reading: dict) -> list[tuple]:
    return [(c["position"], c["card"], c["orientation"]) for c in reading["cards"]]


def test_soft_breaks_and_tables_are_read(read):
    data = document(p("要不要换组", "Heading1"), LABELS, CARDS, p(BODY[:25]), p(BODY[25:]))
    reading = to_reading(read({"a.docx": data})[0])
    assert (reading["person"], reading["question"], reading["draws"][0]["spread"]) == ("Mel", "要不要换组", "圣三角")
    assert cards(reading) == THREE
    assert reading["content"] == f"{BODY[:25]}\n\n{BODY[25:]}"


def test_a_numbered_list_holds_the_cards(read):
    items = [p("过去：隐士 正位", "ListNumber"), p("现在：战车（逆）", "ListNumber"), p("未来：太阳", "ListNumber")]
    data = document(p("要不要换组", "Heading1"), LABELS, p("牌："), *items, p(BODY))
    reading = to_reading(read({"a.docx": data})[0])
    assert cards(reading) == THREE
    assert reading["content"] == BODY


def test_a_table_of_labels(read):
    data = document(table(["咨询者", "Mel"], ["问题", "要不要换组"], ["牌", "隐士、战车逆、太阳"]), p(BODY))
    reading = to_reading(read({"a.docx": data})[0])
    assert (reading["person"], reading["question"], [c["card"] for c in reading["cards"]]) == (
        "Mel",
        "要不要换组",
        ["隐士", "战车", "太阳"],
    )


@pytest.mark.parametrize("between", ["heading", "page break"])
def test_readings_begin_at_headings_and_page_breaks(read, between):
    if between == "heading":
        first, second = p("换组", "Heading1") + p("咨询者：Mel"), p("搬家", "Heading1") + p("咨询者：阿宁")
    else:
        first = p("咨询者：Mel\n问题：换组")
        second = '<w:p><w:r><w:br w:type="page"/></w:r></w:p>' + p("咨询者：阿宁\n问题：搬家")
    data = document(first, p("牌：隐士"), p(BODY), second, p("牌：正义"), p(BODY))
    readings, _ = to_readings(read({"a.docx": data}))
    assert readings.select("person", "question").rows() == [("Mel", "换组"), ("阿宁", "搬家")]
    assert readings["content"].to_list() == [BODY, BODY]


def test_tracked_insertions_count_deletions_do_not(read):
    changed = "<w:ins><w:r><w:t>新写的一句。</w:t></w:r></w:ins><w:del><w:r><w:delText>删掉的一句。</w:delText><w:t>删</w:t></w:r></w:del>"
    link = '<w:hyperlink><w:r><w:t>链接里的字。</w:t></w:r></w:hyperlink><w:commentReference w:id="1"/>'
    control = f"<w:sdt><w:sdtContent>{p('控件里的一段。')}</w:sdtContent></w:sdt>"
    data = document(LABELS, p("牌：隐士"), p(BODY, extra=changed + link), control)
    assert to_reading(read({"a.docx": data})[0])["content"] == f"{BODY}新写的一句。链接里的字。\n\n控件里的一段。"


def test_headings_inside_a_reading_stay_in_its_body(read):
    data = document(
        p("要不要换组", "Heading1"), LABELS, p("牌：隐士"), p(BODY), p("建议", "Heading2"), p("先把手上的项目收尾。")
    )
    (reading,) = [to_reading(record) for record in read({"a.docx": data})]
    assert reading["content"] == f"{BODY}\n\n建议\n\n先把手上的项目收尾。"


def test_a_text_column_makes_a_table_of_readings(read):
    data = document(
        table(["客户", "问题", "牌", "解读"], ["Mel", "换组", "隐士", BODY], ["阿宁", "搬家", "正义", BODY])
    )
    assert [(r.person, r.question, r.content) for r in read({"a.docx": data})] == [
        ("Mel", "换组", BODY),
        ("阿宁", "搬家", BODY),
    ]


def test_authors_do_not_leak(read):
    readings, _ = to_readings(read({"a.docx": document(LABELS, p("牌：隐士"), p(BODY))}))
    assert "13800001111" not in readings.write_json()


def test_a_document_that_declares_entities_is_unsafe(read):
    head = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    (record,) = read({"a.docx": document(p("&b;"), head=head)})
    assert record.reason == "unsafe"


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old_office"),
        ("a.pdf", b"%PDF-1.7 " + bytes(99), "pdf"),
        ("a.rtf", b"{\\rtf1\\ansi}", "rtf"),
    ],
)
def test_other_documents_are_refused_by_their_name(read, name, data, code):
    (record,) = read({name: data})
    assert (record.reason, record.code) == ("unreadable", code)


def test_broken_xml_is_unreadable(read):
    data = document(p(BODY)).replace(b"</w:body>", b"<//body>")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("word/document.xml", b"<w:document><w:p>")
    assert [record.reason for record in read({"a.docx": target.getvalue(), "b.docx": data})] == [
        "unreadable",
        "unreadable",
    ]


def test_kangxi_radicals_of_a_pdf_are_the_characters(read):
    reading = to_reading(read({"a.docx": document(LABELS, p("牌：⼒量、太阳"), p(BODY))})[0])
    assert [c["card"] for c in reading["cards"]] == ["力量", "太阳"]


def test_second_level_headings_begin_named_readings(read):
    one = [p("要不要换组", "Heading2"), p("咨询者：Mel\n牌：隐士、战车（逆）"), p("综合", "Heading2"), p(BODY)]
    two = [p("搬家", "Heading2"), p("咨询者：阿宁\n牌：太阳"), p(BODY)]
    readings = [to_reading(record) for record in read({"a.docx": document(*one, *two)})]
    assert [(r["person"], r["question"]) for r in readings] == [("Mel", "要不要换组"), ("阿宁", "搬家")]
    assert [r["content"] for r in readings] == [f"综合\n\n{BODY}", BODY]


def test_the_paragraphs_of_a_text_box_are_lines(read):
    box = "<w:txbxContent>" + p("咨询者：Mel") + p("问题：要不要换组") + p("牌：隐士、战车（逆）") + "</w:txbxContent>"
    block = f"<w:p><w:r><w:pict>{box}</w:pict></w:r></w:p>"
    (record,) = read({"a.docx": document(block, p(BODY))})
    reading = to_reading(record)
    assert (reading["person"], reading["question"], reading["content"]) == ("Mel", "要不要换组", BODY)


SIDED = [("过去", "隐士", "upright"), ("现在", "战车", "reversed"), ("未来", "太阳", "unknown")]


def laid(reading: dict) -> list[tuple]:
    return [(c["position"], c["card"], c["orientation"]) for c in reading["cards"]]


def test_forms_with_places_over_cards_are_read(read):
    form = table(
        ["咨询者", "Mel", "日期", "2024-01-05"],
        ["问题", "换组"],
        ["过去", "现在", "未来"],
        ["隐士正位", "战车逆位", "太阳"],
        ["解读", BODY],
        ["反馈", "三月换了"],
    )
    reading = to_reading(read({"a.docx": document(form)})[0])
    assert (reading["person"], reading["question"], str(reading["date"])) == ("Mel", "换组", "2024-01-05")
    assert (laid(reading), reading["content"], reading["outcome"]) == (SIDED, BODY, "三月换了")


def test_tables_of_cards_with_texts_are_read(read):
    said = ["隐士提着灯，你这半年一直在自己找路。", "战车倒过来，是缰绳松了。", "太阳在最后，孩子骑着白马出来。"]
    rows = [["过去", "隐士", "正", said[0]], ["现在", "战车", "逆", said[1]], ["未来", "太阳", "", said[2]]]
    body = document(p("咨询者：Mel\n问题：换组"), table(["牌位", "牌", "正逆", "解读"], *rows))
    (record,) = read({"a.docx": body})
    reading = to_reading(record)
    assert (reading["person"], laid(reading), reading["content"]) == ("Mel", SIDED, "\n\n".join(said))


def test_headings_that_are_labels_have_their_values_below(read):
    parts = [
        p(title, "Heading2") + p(text)
        for title, text in (("客户", "Mel"), ("问题", "换组"), ("抽到的牌", "隐士、战车逆位"), ("解读", BODY))
    ]
    (record,) = read({"a.docx": document(*parts)})
    assert (record.person, record.question, record.content) == ("Mel", "换组", BODY)
    assert [c["orientation"] for c in to_reading(record)["cards"]] == ["unknown", "reversed"]


def test_every_table_of_readings_is_read(read):
    header = ["咨询者", "问题", "日期", "牌", "解读"]
    tables = [
        p(month) + table(header, [person, "换组", "5日", "隐士、战车逆位", BODY])
        for month, person in (("2024年1月", "Mel"), ("2024年2月", "阿宁"))
    ]
    readings = [to_reading(record) for record in read({"a.docx": document(*tables)})]
    assert [(r["person"], str(r["date"])) for r in readings] == [("Mel", "2024-01-05"), ("阿宁", "2024-02-05")]


def test_who_a_file_is_about_in_its_title(read):
    parts = [p(day, "Heading1") + p("问题：换组") + p("牌：隐士") + p(BODY) for day in ("2024-01-05", "2024-01-06")]
    records = read({"a.docx": document(p("客户：阿宁", "Title"), *parts)})
    assert [(r.person, r.content) for r in records] == [("阿宁", BODY)] * 2


@pytest.mark.parametrize(
    "rows",
    [
        [
            ["客户", "Mel"],
            ["问题", "换组"],
            ["抽牌记录"],
            ["牌位", "牌名", "正逆位"],
            ["过去", "隐士", "正位"],
            ["现在", "战车", "逆位"],
        ],
        [["客户", "问题"], ["Mel", "换组"], ["牌"], ["过去：隐士正位、现在：战车逆位"]],
        [["客户", "问题"], ["Mel", "换组"], ["过去", "现在"], ["隐士正位", "战车逆位"]],
    ],
)
def test_forms_with_cards_in_rows_are_read(read, rows):
    (record,) = read({"a.docx": document(table(*rows, ["解读", BODY]))})
    reading = to_reading(record)
    assert (reading["person"], reading["question"], reading["content"]) == ("Mel", "换组", BODY)
    assert laid(reading) == SIDED[:2]


def test_readings_of_one_paragraph_have_own_locators(read):
    said = "<w:br/>".join(
        f"</w:t><w:br/><w:t>咨询者：{name}</w:t><w:br/><w:t>问题：换组</w:t><w:br/><w:t>牌：隐士正位</w:t><w:br/><w:t>{BODY}"
        for name in ("Mel", "阿宁", "KK")
    )
    records = read({"a.docx": document(f"<w:p><w:r><w:t>{said}</w:t></w:r></w:p>")})
    assert [record.person for record in records] == ["Mel", "阿宁", "KK"]
    assert len({record.source.locator for record in records}) == 3
