import json

import pytest

from flows.runtime import environment
from schemas.tables import READINGS, REJECTIONS
from tarot_data import lexicon
from tarot_data.ingest.clean import fingerprint, to_reading, to_readings
from tarot_data.ingest.raw_json import record_of, to_record
from tarot_data.privacy.mask_records import masked_object
from tarot_data.sources.records import RawDraw, RawRecord, Rejected, Source
from tarot_data.text.cleanup import clean_text

BODY = "隐士提着灯，你这半年一直在自己找路。战车倒过来，是缰绳松了。先把手上的项目收尾，三月以后再谈换组的事。"
SOURCE = Source(file="a.jsonl", member=None, locator="line 1", sha256="0" * 64, form="jsonl")


def raw(**values) -> RawRecord:
    fields = {
        "person": "Mel",
        "question": "要不要换组",
        "content": BODY,
        "date": "2024-01-05",
        "draws": (RawDraw(spread="两张牌", cards="隐士(正位)、战车(逆位)"),),
    }
    return RawRecord(source=SOURCE, **(fields | values))


def reason(**values) -> str | None:
    return to_reading(raw(**values)).get("reason")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\r\nb\rc\u2028d\u2029e", "a\nb\nc\nd\ne"),
        ("一\n\n\n\n二", "一\n\n二"),
        ("行尾空格  \n\t\n二", "行尾空格\n\n二"),
        ("零\u200b宽\ufeff字\u00ad符\u200e号\u2060", "零宽字符号"),
        ("家庭👨\u200d👩\u200d👧和走路🚶\u200d♀️", "家庭👨\u200d👩\u200d👧和走路🚶\u200d♀️"),
        ("没有表情的\u200d连接", "没有表情的连接"),
        ("cafe\u0301", "café"),
        ("不断\u00a0行", "不断 行"),
        ("\u3000\u3000全角缩进，中间\u3000留着", "全角缩进，中间\u3000留着"),
        ("空\0字符\x07", "空字符"),
        ("半个\ud83d表情", "半个\ufffd表情"),
        ("一<br/>二<BR>三", "一\n二\n三"),
        ("<p>一</p><p>二</p>", "一\n\n二"),
        ("<span style='x'>红</span>字", "红字"),
        ("a&nbsp;b &amp; c &lt;3", "a b & c <3"),
        ("&amp;lt;b&amp;gt;两次&amp;lt;/b&amp;gt;", "两次"),
        ("<![CDATA[里面]]>外面", "里面外面"),
        ("<script>alert(1)</script>后面", "后面"),
        ("<!-- 注 -->后面", "后面"),
        ("<3 >_< <愚人> a<b", "<3 >_< <愚人> a<b"),
        ("R&D 和 AT&T", "R&D 和 AT&T"),
        ("上\n![IMG_1.jpeg](a%20b/IMG_1.jpeg)\n下", "上\n下"),
        ("上\n\n![a](a.png)\n\n下", "上\n\n下"),
        ("上\n![[IMG_0412.jpeg|300]]\n下", "上\n下"),
        ("字里![a](b.png)行间", "字里行间"),
        ("上\n[图片]\n下", "上\n下"),
        ("上\nIMG_0412.HEIC\n下", "上\n下"),
        ("[录音](a%20b.m4a)\n下", "下"),
        ("[捂脸]留着[旺柴]", "[捂脸]留着[旺柴]"),
        ("[表单](https://example.com/a)", "[表单](https://example.com/a)"),
        ("繁體與简体，，、。！！~～", "繁體與简体，，、。！！~～"),
        ("# 标题\n\n- **粗**\n> 引用", "# 标题\n\n- **粗**\n> 引用"),
        ("", ""),
    ],
)
def test_cleaning_keeps_the_wording(text, clean):
    assert clean_text(text) == clean


def test_a_reading_is_whole():
    reading = to_reading(raw())
    assert reading["flags"] == []
    assert reading["reading_id"] == f"r{reading['fingerprint'][:16]}"
    assert reading["revision"] == 1
    assert reading["draws"] == [{"draw": 1, "spread": "两张牌", "spread_id": "two_card"}]
    assert reading["cards"][1] == {
        "draw": 1,
        "place": 2,
        "position": "失去",
        "card": "战车",
        "orientation": "reversed",
        "raw": "战车(逆位)",
    }
    readings, rejections = to_readings([raw()])
    assert readings.schema == READINGS
    assert rejections.schema == REJECTIONS


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"content": ""}, "empty_body"),
        ({"content": " \n\u3000\n "}, "empty_body"),
        ({"content": "![](x.png)"}, "empty_body"),
        ({"content": "[图片]\n[语音]"}, "empty_body"),
        ({"content": "https://example.com/a"}, "empty_body"),
        ({"content": "待补"}, "empty_body"),
        ({"content": "（见语音）"}, "empty_body"),
        ({"content": "隐士正位、战车逆位"}, "empty_body"),
        ({"content": "挺好的，放心。"}, "too_short"),
        ({"content": "字" * 39 + " \n" * 30}, "too_short"),
        ({"content": "字" * 40}, None),
        (
            {"content": "The Hermit holds a lantern. You have been looking for the way by yourself for half a year."},
            "not_chinese",
        ),
        (
            {
                "content": "隠者はランタンを持っています。あなたはこの半年間ずっと自分で道を探していますよね。ゆっくり行きましょう。"
            },
            "not_chinese",
        ),
        ({"content": "Отшельник держит фонарь, и ты полгода сам ищешь дорогу, не спеши."}, "not_chinese"),
        (
            {
                "content": "鍜ㄨ鑰咃細闅愬＋鎻愮潃鐏紝浣犺繖鍗婂勾涓€鐩村湪鑷繁鎵捐矾銆傛垬杞﹀€掕繃鏉ワ紝鏄及缁虫澗浜嗐€�"
            },
            "unreadable",
        ),
        ({"content": "锟斤拷锟斤拷" * 12}, "unreadable"),
        ({"content": BODY.replace("，", "\ufffd")}, "unreadable"),
        ({"draws": ()}, "no_cards"),
        ({"draws": (RawDraw(spread="单张", cards="无"),)}, "no_cards"),
        ({"draws": (RawDraw(spread=None, cards="骑士、三叶草、船"),)}, "unknown_card"),
        ({"draws": (RawDraw(spread=None, cards=[{"id": 9}]),)}, "unknown_card"),
        ({"draws": (RawDraw(spread=None, cards="塔、星星"),), "extra": {"deck": "雷诺曼"}}, "unknown_card"),
        ({"draws": (RawDraw(spread=None, cards="愚人正位、愚人逆位、战车"),)}, "duplicate_card"),
        ({"draws": (RawDraw(spread=None, cards="星星、Star"),)}, "duplicate_card"),
        ({"draws": (RawDraw(spread=None, cards="愚人"), RawDraw(spread=None, cards="愚人"))}, None),
        # One reason per record, the first that applies.
        ({"content": "", "draws": ()}, "empty_body"),
        ({"content": "短", "draws": (RawDraw(spread=None, cards="船"),)}, "too_short"),
        ({"draws": (RawDraw(spread=None, cards="愚人、愚人、船"),)}, "unknown_card"),
    ],
)
def test_reasons(values, expected):
    assert reason(**values) == expected


def test_rejections_keep_the_masked_record():
    record = raw(
        content=BODY + "加微信wx_moon99",
        draws=(RawDraw(spread="三张", cards="骑士、三叶草 13800138000"),),
        extra={"编号": "13800138000"},
    )
    rejection = to_reading(record)
    assert "骑士、三叶草" in rejection["values"]
    assert "wx_moon99" not in json.dumps(rejection, ensure_ascii=False)
    assert "13800138000" not in json.dumps(rejection, ensure_ascii=False)
    assert rejection["excerpt"] == BODY + "加微信〔微信号〕"
    assert json.loads(rejection["record"])["person"] == "Mel"
    assert set(rejection["masked"]) == {"wechat", "phone"}


@pytest.mark.parametrize(
    ("values", "flags"),
    [
        ({"person": None}, ["missing_person"]),
        ({"person": "13800138000"}, ["missing_person", "redacted"]),
        ({"person": "x" * 61}, ["missing_person"]),
        ({"question": " "}, ["missing_question"]),
        ({"date": "待定"}, ["missing_date"]),
        ({"date": "1月5日", "date_hint": "2024解读.xlsx"}, ["inferred_date"]),
        ({"draws": (RawDraw(spread=None, cards="隐士正位"),)}, ["missing_spread"]),
        ({"draws": (RawDraw(spread="单张", cards="隐士"),)}, ["unknown_orientation"]),
        ({"draws": (RawDraw(spread="圣三角", cards="隐士正、战车正"),)}, ["place_count"]),
        ({"draws": (RawDraw(spread="单张", cards="隐士正、底牌：战车正"),)}, []),
        ({"draws": (RawDraw(spread="大众占卜 ABC三组", cards="隐士正、战车正"),)}, []),
        ({"content": BODY + "电话13800138000"}, ["redacted"]),
        ({"draws": (), "content": "牌面：隐士正位、战车逆位\n" + BODY}, ["missing_spread", "cards_from_content"]),
    ],
)
def test_flags(values, flags):
    assert sorted(to_reading(raw(**values))["flags"]) == sorted(flags)


@pytest.mark.parametrize(
    ("written", "consent"),
    [
        ("同意", "yes"),
        ("不同意", "no"),
        (True, "yes"),
        (False, "no"),
        ("no", "no"),
        ("以后再说", "unknown"),
        (None, "unknown"),
        ("√", "yes"),
        ("否", "no"),
    ],
)
def test_consent(written, consent):
    assert to_reading(raw(consent=written))["consent"] == consent


def test_names_lose_wiki_brackets_and_line_breaks():
    assert to_reading(raw(person=" [[客户/阿宁|阿宁]]\n"))["person"] == "阿宁"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("- Cherry", "Cherry"),
        ("阿苇]]", "阿苇"),
        ("「阿苇」", "阿苇"),
        ("**阿苇**", "阿苇"),
        ("#客户/阿苇", "阿苇"),
        ("阿苇（老客）", "阿苇（老客）"),
        ("J.K.", "J.K."),
        ("阿苇 <awei@example.com>", "阿苇"),
        ("阿苇（13800138000）", "阿苇"),
        ("13800138000", None),
    ],
)
def test_names_lose_marks_and_contact_details(written, name):
    assert to_reading(raw(person=written))["person"] == name


def test_every_field_is_masked_and_counted():
    record = raw(
        person="阿宁 13800138000",
        question="加我vx mooncat 再说？",
        content=BODY + "邮箱a.b@example.com，mooncat",
        outcome="寄到明月市白塔区柳絮路12号",
        draws=(RawDraw(spread="单张 QQ12345678", cards="隐士正位"),),
    )
    reading = to_reading(record)
    assert (reading["person"], reading["question"]) == ("阿宁", "加我vx 〔微信号〕 再说？")
    assert reading["content"].endswith("邮箱〔邮箱〕，〔微信号〕")
    assert reading["outcome"] == "寄到〔地址〕"
    assert reading["draws"][0]["spread"] == "单张 QQ〔QQ号〕"
    assert sorted(reading["masked"]) == ["address", "email", "phone", "qq", "wechat", "wechat"]


CARDS = [{"draw": 1, "card": "隐士", "orientation": "upright"}]


@pytest.mark.parametrize(
    "other",
    [
        BODY.replace("，", ","),
        BODY.replace("。", "。\n\n"),
        BODY.replace("，", ", ").replace("。", "。🌙"),
        BODY.replace("，", "，\u3000"),
        "　" + BODY.replace("。", "．"),
    ],
)
def test_the_fingerprint_forgives_white_space_punctuation_and_width(other):
    assert fingerprint(CARDS, other) == fingerprint(CARDS, BODY)


def test_fingerprints_differ_by_words_and_cards():
    assert fingerprint(CARDS, BODY + "又及") != fingerprint(CARDS, BODY)
    assert fingerprint([{**CARDS[0], "orientation": "reversed"}], BODY) != fingerprint(CARDS, BODY)


def test_records_survive_their_rejection():
    record = raw(content="", outcome="换了", consent="同意", synthetic=True, extra={"reader": "阿月"})
    again = to_record(json.loads(to_reading(record)["record"]), SOURCE)
    assert record_of(again) == record_of(RawRecord(**{**record.__dict__, "draws": again.draws}))
    assert again.draws == record.draws


def test_a_corrected_rejection_becomes_a_reading():
    rejection = to_reading(raw(draws=(RawDraw(spread="两张牌", cards="骑士、船"),)))
    stored = json.loads(rejection["record"]) | {"cards": "隐士正位、战车逆位"}
    reading = to_reading(to_record(stored, SOURCE))
    assert reading["fingerprint"] == to_reading(raw())["fingerprint"]
    assert reading["draws"][0]["spread"] == "两张牌"


def test_late_rejections_keep_resolved_cards():
    reading = to_reading(
        raw(draws=(RawDraw(spread="两张牌", cards="隐士正位、底牌：战车逆位"), RawDraw(spread=None, cards="太阳")))
    )
    stored = {
        key: reading[key]
        for key in ("person", "question", "draws", "cards", "content", "outcome", "consent", "synthetic")
    }
    again = to_reading(to_record(stored | {"date": "2024-01-05"}, SOURCE))
    assert [(c["draw"], c["place"], c["card"], c["orientation"]) for c in again["cards"]] == [
        (c["draw"], c["place"], c["card"], c["orientation"]) for c in reading["cards"]
    ]
    assert again["fingerprint"] == reading["fingerprint"]


def test_rejections_of_a_source_pass_through_masked():
    refused = Rejected(
        source=SOURCE,
        stage="read",
        reason="unreadable",
        code="no_reading_table",
        values={"tables": "电话13800138000", "limit": 13800138000},
        raw={"line": "QQ：87654321 {"},
    )
    readings, rejections = to_readings([refused, raw()])
    assert (readings.height, rejections.height) == (1, 1)
    row = rejections.row(0, named=True)
    assert (row["code"], row["excerpt"]) == ("no_reading_table", "QQ：〔QQ号〕 {")
    assert json.loads(row["values"]) == {"tables": "电话〔手机号〕", "limit": "13800138000"}


def test_masked_objects_keep_their_shape():
    value = {"a": ["13800138000", 1, None, True, {"微信wx_ab12cd": 2.5}], "b": b"\0"}
    masked, kinds = masked_object(value)
    assert masked == {"a": ["〔手机号〕", 1, None, True, {"微信〔微信号〕": 2.5}], "b": None}
    assert sorted(kinds) == ["phone", "wechat"]


def test_every_word_for_an_empty_body_is_one():
    for row in lexicon.read_table("empty_bodies"):
        for word in row["words"].split("|"):
            assert reason(content=word) == "empty_body", row.place


def test_every_answer_of_the_table_is_read():
    for row in lexicon.read_table("answers"):
        for word in row["words"].split("|"):
            assert to_reading(raw(consent=word))["consent"] == row["meaning"], row.place


def test_field_names_announce_contact_details():
    said = {
        "content": "愿你安好",
        "extra": {"WeChat": "moonlight", "客户电话": 62345678, "备注": "moonlight 常来", "id": 12},
    }
    masked, kinds = masked_object(said)
    assert masked["extra"] == {"WeChat": "〔微信号〕", "客户电话": "〔手机号〕", "备注": "〔微信号〕 常来", "id": 12}
    assert sorted(kinds) == ["phone", "wechat", "wechat"]


@pytest.mark.parametrize(
    "tag", ["<svg/onload=alert(1)>", "<img/src=x/onerror=alert(1)>", "</script >", "<iframe/src=x>"]
)
def test_slash_tags_are_tags(tag):
    assert clean_text(f"愿你{tag}安好") in ("愿你安好", "愿你")
    assert clean_text("<3 >_< <愚人> a</b") == "<3 >_< <愚人> a</b"


def test_cards_that_only_sentences_name_are_flagged():
    content = "宝子，你问他会不会回来，我看到的是圣杯六正位，旧人会回来的，你自己留个心眼，别一下子把话说满。"
    reading = to_reading(raw(draws=(), content=content))
    assert [(card["card"], card["orientation"]) for card in reading["cards"]] == [("圣杯六", "upright")]
    assert "cards_from_content" in reading["flags"]


def test_strict_rejects_cards_that_only_sentences_name(monkeypatch, tmp_path):
    monkeypatch.setenv("TAROT_STRICT", "")
    content = "宝子，你问他会不会回来，我看到的是圣杯六正位，旧人会回来的，你自己留个心眼，别一下子把话说满。"
    environment.prepare(tmp_path, strict=True)
    try:
        assert to_reading(raw(draws=(), content=content))["reason"] == "no_cards"
    finally:
        lexicon.use(None)
