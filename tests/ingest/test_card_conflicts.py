"""Contents that contradict their cards; a false alarm rejects a good reading."""

import json

import pytest

from benchmarks import patterns as patterns_bench
from benchmarks.contradictions import altered
from tarot_data.ingest import card_conflicts
from tarot_data.patterns import annotate, train
from tarot_data.patterns import gold as annotated
from tests.builders import card, reading, readings


def alarms(*rows):
    frame = readings(*rows)
    found = annotate.annotated(frame)
    return card_conflicts.find_conflicts(frame, found.sentences, found.mentions)


def alarm(content, *cards):
    found = alarms(reading(1, content=content, cards=[{**c, "place": i} for i, c in enumerate(cards, 1)]))
    return [(code, json.loads(values)) for _, code, values in found.iter_rows()]


def first_writers():
    """Return the annotated readings of the first seven writers."""
    return [reading for reading in annotated.read_all(train.ANNOTATED) if reading["writer"] in "abcdefg"]


def test_only_marked_readings_raise_a_conflict():
    gold = first_writers()
    frame = [
        reading(i, content=r["content"], person=r["person"], question=r["question"], cards=r["cards"])
        for i, r in enumerate(gold)
    ]
    found = alarms(*frame)["reading_id"].to_list()
    marked = [f"r{i:016x}" for i, r in enumerate(gold) if r.get("note") == "mismatch"]
    assert found == marked and len(marked) == 3


def test_the_readings_written_for_training_raise_no_alarm():
    gold = annotated.read_all(train.ANNOTATED / train.MORE)
    rows = [reading(i, content=r["content"], question=r["question"], cards=r["cards"]) for i, r in enumerate(gold)]
    assert alarms(*rows).height == 0


def test_another_orientation_than_drawn():
    ((code, values),) = alarm("太阳正位，小孩骑着白马冲出来，结果很亮，好消息来得很快。", card("太阳", "reversed"))
    assert (code, values["card"], values["written"][:4]) == ("says_upright", "太阳", "太阳正位")
    ((code, values),) = alarm("未来这位权杖骑士是逆位的，马还没跑起来人先摔下来了。", card("权杖骑士"))
    assert (code, values["card"], values["written"][:7]) == ("says_reversed", "权杖骑士", "权杖骑士是逆位")


@pytest.mark.parametrize(
    ("content", "orientation"),
    [
        ("圣杯九（逆）。正位的圣杯九是心满意足，翻过来就成了贪心。", "reversed"),
        ("如果圣杯九是逆位的，就要小心了，好在它不是。", "upright"),
        ("圣杯九本来正位是心满意足，你这个倒过来了。", "reversed"),
        ("上次你抽到圣杯九逆位，这次不一样了，抱着胳膊坐得很稳。", "upright"),
        ("圣杯九坐着，抱着胳膊，心里很满意，说明你得到了想要的东西。", "reversed"),
        ("圣杯九逆转了局面，圣杯九说你会如愿。", "upright"),
        ("圣杯九正位还是逆位，其实都在问你满不满足。", "reversed"),
    ],
)
def test_suppositions_memories_and_silence_are_no_contradiction(content, orientation):
    assert alarm(content, card("圣杯九", orientation)) == []


def test_an_unstated_orientation_cannot_be_contradicted():
    assert alarm("圣杯九逆位，贪心不足，什么都想要，什么都抓不住。", card("圣杯九", "unknown")) == []


def test_an_undrawn_card_replacing_a_drawn_one_conflicts():
    (conflict,) = alarm(
        "火的位置是权杖三，您已经在等几条船回港。土的位置是星币六，有人拿着天平分钱，会有一笔借出去的款项。",
        card("权杖三", position="火"),
        card("星币九", position="土"),
    )
    assert conflict == ("undrawn_card", {"card": "星币六", "missing": "星币九"})


@pytest.mark.parametrize(
    "content",
    [
        "现在是圣杯五，打翻的杯子还在地上。未来是圣杯六，小孩递花。底牌是宝剑三，疼过的都记得。",
        "现在是圣杯五，打翻的杯子还在地上，有点像宝剑三那种疼。未来的小院子里有人递花给你。",
        "现在是圣杯五。上次抽到的是宝剑三，你还记得吗？未来两个小孩在院子里递花。",
        "现在是圣杯五，比起宝剑三，它轻一点。未来小男孩把花递过来，日子会甜。",
    ],
)
def test_extra_cards_comparisons_and_memories_are_no_contradiction(content):
    assert alarm(content, card("圣杯五"), card("圣杯六")) == []


def test_drawn_cards_without_a_sentence_are_reported():
    frame = readings(
        reading(
            1,
            content="过去的愚人正位，悬崖边那只小狗一直在叫，你已经走出去了。" * 2,
            cards=[card(), card("圣杯十", place=2)],
        ),
        reading(2, content="过去的愚人正位，悬崖边那只小狗一直在叫，你已经走出去了。" * 2, cards=[card()]),
    )
    found = card_conflicts.unread_cards(frame, annotate.annotate(frame)[0])
    assert found["reading_id"].to_list() == ["r0000000000000001"]


@pytest.mark.parametrize(
    ("content", "drawn"),
    [
        ("希望和恐惧是恶魔逆位，铁链解开了一半，你怕再被绑住，又想有个人陪。", card("恶魔")),
        ("星币九逆位，花园里的东西没出花园，只是换了个角落。", card("星币九")),
        ("死神（正）：骑白马的骷髅经过，国王倒下，小孩却捧着花。", card("死神", "reversed")),
        ("圣杯皇后（逆），愚者（正），一个盖住杯子，一个往前走。", card("愚人", "reversed")),
    ],
)
def test_another_clause_or_card_does_not_excuse(content, drawn):
    assert len(alarm(content, drawn, card("圣杯王后", "reversed"))) == 1


@pytest.mark.parametrize(
    "content",
    [
        "现况是宝剑八，你自己蒙着眼。对策位的圣杯四颇值得玩味，树下的人双臂交叉，没有看那只杯子。",
        "现况是宝剑八，你自己蒙着眼。对策，圣杯四，树下的人像是睡着了。",
    ],
)
def test_an_undrawn_card_is_found_by_position(content):
    drawn = card("宝剑八", position="现况"), card("权杖四", position="对策")
    assert alarm(content, *drawn) == [("undrawn_card", {"card": "圣杯四", "missing": "权杖四"})]


@pytest.mark.parametrize("remark", ["第二张你别怕哈", "我还以为没戏，结果"])
def test_a_clause_of_its_own_is_no_supposition(remark):
    content = f"现在是宝剑八，你自己蒙着眼。{remark}，隐士，提着灯笼站在雪山上。未来是圣杯六，小孩递花。"
    drawn = card("宝剑八"), card("星币四"), card("圣杯六")
    assert alarm(content, *drawn) == [("undrawn_card", {"card": "隐士", "missing": "星币四"})]


@pytest.mark.parametrize(
    "aside",
    [
        "这有点像圣杯六的感觉，疼过才懂。",
        "如果这里出的是圣杯六，我会劝你停一停。",
        "你说怕抽到圣杯六，这次没有出现。",
        "我给你补了一张圣杯六，说明后面会顺。",
        "要是换成圣杯六，答案就不一样了。",
        "你心里的那张牌大概是圣杯六吧，可惜不在。",
        "未来若能走到圣杯六，就圆满了。",
        "现况不是圣杯六，别自己吓自己。",
    ],
)
def test_a_passing_mention_is_no_conflict(aside):
    content = f"现况是宝剑八，你自己蒙着眼。{aside}未来那几根棍子搭成的花门下，有人在等你。"
    assert alarm(content, card("宝剑八", position="现况"), card("权杖四", position="未来")) == []


def test_planted_conflicts_are_found_at_the_measured_rate():
    gold = [r for r in first_writers() if r.get("note") != "mismatch"][::2]
    found = {kind: patterns_bench.share_found(rows) for kind, rows in altered(gold).items()}
    assert found["turned"]["found_plain"] >= 0.93
    assert found["swapped"]["found_plain"] >= 0.8


@pytest.mark.parametrize(
    ("content", "drawn"),
    [
        ("**风险 塔正位**\n砖头掉下来之前先搬走。", card("高塔", "reversed")),
        ("第二张权杖六，头朝下，桂冠掉在地上了。", card("权杖六")),
        ("女祭司，也是倒着的，帘子后面的话漏出来了。", card("女祭司")),
        ("钱币九，正的，葡萄架下一个人也挺好。", card("星币九", "reversed")),
        ("这张是宝剑六倒过来，船又划回来了。", card("宝剑六")),
    ],
)
def test_an_orientation_in_its_own_clause_conflicts(content, drawn):
    ((code, values),) = alarm(content, drawn)
    assert code.startswith("says_") and values["card"] == drawn["card"]


@pytest.mark.parametrize(
    ("content", "orientation"),
    [
        ("圣杯九倒过来就成了贪心，你这张没有倒。", "upright"),
        ("圣杯九正位是心满意足，你这张是倒着的，酒洒了一地。", "reversed"),
        ("要是圣杯九，倒着的，我就劝你别去了。", "upright"),
        ("圣杯九这人抱着胳膊坐着。旁边那张是倒着的。", "upright"),
    ],
)
def test_a_turned_picture_or_neighbour_is_no_contradiction(content, orientation):
    assert alarm(content, card("圣杯九", orientation)) == []


@pytest.mark.parametrize(
    "passage",
    [
        "第二张是权杖五，五个小子抡着棍子。",
        "然后是世界，花环里的人跳着舞，收尾了。",
        "结果落在权杖五。",
        "恶魔，逆位，链子松开了。",
        "权杖五\n五个人吵成一团，没人听谁的。",
    ],
)
def test_a_card_read_between_its_neighbours_conflicts(passage):
    content = f"宝剑八，你自己蒙着眼，脚没绑。\n{passage}\n最后权杖四，花门下有人等你。"
    cards = (
        card("宝剑八"),
        card("圣杯二", "reversed" if "逆" in passage else "upright", position="结果"),
        card("权杖四"),
    )
    ((code, values),) = alarm(content, *cards)
    assert (code, values["missing"]) == ("undrawn_card", "圣杯二")


@pytest.mark.parametrize(
    "aside",
    [
        "我妈最喜欢的牌是太阳。",
        "上礼拜我自己抽到宝剑三，三天没睡好。",
        "圣杯九，啊呸，看串行了。",
        "力量，我以为会是它，翻开才发现不是。",
        "世界很大，你们俩的事很小。",
        "恶魔逆位我见得多了，你这个不算。",
    ],
)
def test_slips_and_tastes_are_no_contradiction(aside):
    content = f"宝剑八，你自己蒙着眼，脚没绑。{aside}两个人举着杯子对看，狮子头长着翅膀。最后权杖四，花门下有人等你。"
    assert alarm(content, card("宝剑八"), card("圣杯二"), card("权杖四")) == []
