"""Markup of note tools is removed, and line numbers stay those of the file."""

import time

import pytest

from tarot_data.sources.notes import markup


@pytest.mark.parametrize("entry", markup.entries(), ids=lambda entry: entry["name"])
def test_rules_fit_their_example(entry):
    assert any(mark in entry["example"] for mark in entry["marks"])
    assert markup.text_of(entry["example"]) == entry["result"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("> [!question] 问题\n> 要不要搬家\n\n正文", "问题：\n要不要搬家\n\n正文"),
        ("> [!note]- \n> > 咨询者：阿宁", "咨询者：阿宁"),
        ("> [!quote]+ 小记\n> 说一说", "> 小记\n> 说一说"),
        ("> 别人说的话", "> 别人说的话"),
        ("```ad-question\ntitle: 问题\n要不要搬家\n```\n说一说", "问题：\n要不要搬家\n说一说"),
        ("[牌阵:: 圣三角] (日期:: 2024-03-05)", "牌阵：圣三角\n日期：2024-03-05"),
        ("[[咨询者]]:: [[阿宁]]", "咨询者：阿宁"),
        ("- **问题**:: 要不要搬家\n  id:: 65e6d2a1\n  collapsed:: true", "- 问题：要不要搬家"),
        ("心情:: 好\n正文，[强度:: 三分]左右。", "正文，三分左右。"),
        ("| 现状<br /> | 愚人&#x20; |", "| 现状  | 愚人  |"),
        ("他说 a :: b", "他说 a :: b"),
        ("¯\\_(ツ)_/¯ 200% <3 {x}", "¯\\_(ツ)_/¯ 200% <3 {x}"),
    ],
)
def test_callouts_properties_and_entities(text, read):
    assert markup.text_of(text) == read


def test_lines_keep_their_numbers():
    text = "一\n```query\na\nb\n```\n二<br>三\n\n%%x\ny%%\n\n四"
    assert [(line.text, line.number) for line in markup.lines_of(text)] == [
        ("一", 1),
        ("二", 6),
        ("三", 6),
        ("", 7),
        ("四", 11),
    ]


def test_unclosed_code_loses_only_its_mark():
    assert markup.text_of("```dataview\n正文") == "正文"


@pytest.mark.parametrize(
    "piece", sorted({mark for rule in markup.rules() for mark in rule.marks} | {"[a:: ", "![](", "```x\n"})
)
def test_rows_of_marks_are_fast(piece):
    begin = time.process_time()
    for text in (piece * (20_000 // len(piece)), f"{piece}{' ' * 20_000}{piece}"):
        markup.lines_of(text)
    assert time.process_time() - begin < 1
