"""One labelled note, written as the file of every note tool that is read."""

import csv
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Callable
from html import escape

TITLE, MOMENT = "随手记", "2024-04-15T21:03:00+08:00"
"""Title and moment of creation beside the note; neither is in its text."""
ID = "0f0e0d0c0b0a09080706050403020100"

Files = dict[str, str | bytes]


def divs(note: str, tag: str = "div") -> str:
    return "".join(f"<{tag}>{escape(line) or '<br/>'}</{tag}>" for line in note.split("\n"))


def text_file(note: str) -> Files:
    return {"随手.txt": note}


def evernote(note: str) -> Files:
    inner = f'<?xml version="1.0"?><!DOCTYPE en-note SYSTEM "x.dtd"><en-note>{divs(note)}<en-media type="image/png"/></en-note>'
    return {
        "记录.enex": '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<!DOCTYPE en-export SYSTEM "http://xml.evernote.com/pub/evernote-export4.dtd">\n'
        f'<en-export application="Evernote"><note><title>{TITLE}</title><content><![CDATA[{inner}]]></content>'
        "<created>20240415T130300Z</created><tag>塔罗</tag><resource><data>aGVsbG8=</data></resource></note></en-export>"
    }


def joplin_item(kind: int, title: str, body: str, **values: str) -> str:
    lines = {"id": ID, "parent_id": "a" * 32, "created_time": "2024-04-15T13:03:00.000Z", "latitude": "31.2", **values}
    metadata = "\n".join([*(f"{name}: {value}" for name, value in lines.items()), f"type_: {kind}"])
    return "\n\n".join(part for part in (title, body, metadata) if part)


def joplin_raw(note: str) -> Files:
    return {
        f"{ID}.md": joplin_item(1, TITLE, note),
        "a.md": joplin_item(2, "塔罗", "", id="a" * 32, parent_id=""),
        "b.md": joplin_item(5, "客户", "", id="b" * 32),
    }


def joplin_jex(note: str) -> Files:
    data = io.BytesIO()
    items = joplin_raw(note) | {"c.md": joplin_item(6, "", "", id="c" * 32, note_id=ID, tag_id="b" * 32)}
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, text in {**items, "resources/d.png": "\x89PNG"}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return {"塔罗.jex": data.getvalue()}


def logseq(note: str) -> Files:
    head, _, body = note.partition("\n\n")
    lines = re.sub(r"[：:] ?", ":: ", head).split("\n")
    bullets = ["- 早上跑步", "- [[塔罗]]", f"\t- {lines[0]}", *(f"\t  {line}" for line in lines[1:])]
    for paragraph in filter(None, body.split("\n")):
        bullets += [f"\t- {paragraph}", "\t  collapsed:: true", "\t  id:: 65e6d2a1-0000-4000-8000-000000000001"]
    return {"2024_04_15.md": "\n".join([*bullets, "- 晚上吃面", "- TODO 交电费"])}


def siyuan(note: str) -> Files:
    block = '{: id="20240415210300-abcdefg" updated="20240415210300"}'
    blocks = "".join(f"{line}\n{block}\n\n" for line in note.split("\n") if line)
    matter = f"---\ntitle: {TITLE}\ndate: {MOMENT}\nlastmod: {MOMENT}\n---\n\n"
    return {"随手.md": matter + blocks + '{: id="20240415210300-abcdefh" type="doc"}\n'}


def yuque(note: str) -> Files:
    text = note.replace("\n", "<br />")
    return {
        "随手.md": f'<a name="Zx1Ab"></a>\n## {TITLE}\n<font style="color:#DF2A3F;">{text}</font><br />![](https://a.b/1.png#x=%23)\n'
    }


def feishu(note: str) -> Files:
    head, _, body = note.partition("\n\n")
    head = re.sub(r"[：:] ?(.*)", r'：<text bgcolor="light-yellow">\1</text>', head)
    grid = f'<grid cols="2">\n<column width="50">\n\n{head}\n\n</column>\n<column width="50">\n\n<image token="x" width="9"/>\n\n</column>\n</grid>'
    return {"随手.md": f'{grid}\n\n<callout emoji="bulb" background-color="light-blue">\n{body}\n</callout>\n'}


def obsidian(note: str) -> Files:
    head, _, body = note.partition("\n\n")
    pairs = [re.split(r"[：:] ?", line, maxsplit=1) for line in head.split("\n")]
    callouts = "\n\n".join(f"> [!info]- {label}\n> [[{value}]]" for label, value in pairs)
    code = "```dataview\nTABLE x FROM #塔罗\n```\n\n<% tp.file.cursor() %>\n%%下次收费%%\n^block-1"
    return {
        "随手.md": f"---\ntags: [塔罗]\ncreated: {MOMENT}\n---\n\n{callouts}\n\n> [!abstract] 解读\n> {body.replace(chr(10), chr(10) + '> ')}\n\n{code}\n"
    }


def day_one(note: str) -> Files:
    text = re.sub(r"([.!()\-])", r"\\\1", f"# {TITLE}\n\n{note}") + "\n\n![](dayone-moment://8A7F)"
    entry = {
        "uuid": "A1",
        "creationDate": "2024-04-15T13:03:00Z",
        "timeZone": "Asia/Shanghai",
        "text": text,
        "tags": ["塔罗"],
    }
    return {
        "日记.json": json.dumps(
            {"metadata": {"version": "1.0"}, "entries": [entry, {**entry, "text": "# 买菜\n\n白菜"}]}
        )
    }


def keep_json(note: str) -> Files:
    kept = {
        "isTrashed": False,
        "title": TITLE,
        "userEditedTimestampUsec": 1713186180000000,
        "labels": [{"name": "塔罗"}],
    }
    lines = [{"text": line, "isChecked": False} for line in note.split("\n")]
    return {
        "一.json": json.dumps({**kept, "textContent": note}),
        "二.json": json.dumps({**kept, "isTrashed": True, "textContent": note}),
        "三.json": json.dumps({**kept, "listContent": lines}),
    }


def keep_html(note: str) -> Files:
    text = escape(note).replace("\n", "<br>")
    return {
        "随手.html": f'<html><head><title>{TITLE}</title><style>.note{{}}</style></head><body><div class="note">'
        f'<div class="heading"><div class="meta-icons"></div>\n2024年4月15日 下午9:03:00</div><div class="title">{TITLE}</div>'
        f'<div class="content">{text}</div><div class="chips"><span class="chip label"><span class="label-name">塔罗</span></span></div>'
        "</div></body></html>"
    }


def simplenote(note: str) -> Files:
    kept = {
        "id": "x1",
        "content": note.replace("\n", "\r\n"),
        "creationDate": "2024-04-15T13:03:00.000Z",
        "tags": ["塔罗"],
    }
    return {"notes.json": json.dumps({"activeNotes": [kept], "trashedNotes": [{**kept, "content": note + "（旧）"}]})}


def standard_notes(note: str) -> Files:
    kept = {"title": TITLE, "text": note, "references": []}
    items = [
        {"uuid": "1", "content_type": "Note", "content": kept, "created_at": "2024-04-15T13:03:00.000Z"},
        {"uuid": "2", "content_type": "Tag", "content": {"title": "塔罗", "references": []}},
        {"uuid": "3", "content_type": "Note", "content": {**kept, "trashed": True}},
    ]
    return {"backup.txt": json.dumps({"version": "004", "items": items})}


def flomo(note: str) -> Files:
    memo = '<div class="memo"><div class="time">2024-04-15 21:03:00</div><div class="content">{}</div><div class="files"></div></div>'
    notes = memo.format(divs(f"#塔罗/解读 {note}", "p")) + memo.format("<p>#生活 买了一束花</p>")
    return {
        "flomo.html": f'<!DOCTYPE html><html><body><header><div class="user"><div class="name">阿月</div></div></header><div class="memos">{notes}</div></body></html>'
    }


def apple_journal(note: str) -> Files:
    text = "\n".join(f'<p class="p2"><span class="s2">{escape(line)}</span></p>' for line in note.split("\n"))
    return {
        "Entries/随手.html": '<!DOCTYPE html>\n<html><head><title></title></head><body>\n<p class="p1"><span class="s1"><div class=\'pageContainer\'>'
        '<div class="pageHeader">2024年4月15日 星期一</div><div class="assetGrid"><div class="gridItemOverlayFooter">静安寺</div></div>'
        f"<div class='title'>{TITLE}</div><div class='bodyText'></span></p>\n{text}\n<p class=\"p1\"></div></div></p></body></html>"
    }


def opml(note: str) -> Files:
    lines = "".join(f"<outline text={quoted(line)}/>" for line in note.split("\n") if line)
    return {
        "幕布.opml": f'<?xml version="1.0"?><opml version="2.0"><head><title>x</title></head><body><outline text="{TITLE}">{lines}</outline>'
        '<outline text="买菜" _note="白菜"/></body></opml>'
    }


def quoted(text: str) -> str:
    return '"' + escape(text) + '"'


def siyuan_sy(note: str) -> Files:
    def block(line: str) -> dict:
        return {"Type": "NodeParagraph", "Properties": {"id": "x"}, "Children": [{"Type": "NodeText", "Data": line}]}

    query = {"Type": "NodeBlockQueryEmbed", "Children": [{"Type": "NodeText", "Data": "SELECT * FROM blocks"}]}
    document = {"ID": "20240415210300-abcdefg", "Type": "NodeDocument", "Properties": {"title": TITLE}}
    blocks = [block(line) for line in note.split("\n") if line]
    return {"20240415210300-abcdefg.sy": json.dumps({**document, "Children": [*blocks, query]})}


def roam(note: str) -> Files:
    bullets = [{"string": line} for line in note.split("\n") if line]
    reading = {"string": "[[塔罗]]", "children": bullets}
    page = {"title": TITLE, "create-time": 1713186180000, "children": [{"string": "早上跑步"}, reading]}
    return {"roam.json": json.dumps([page])}


def logseq_json(note: str) -> Files:
    bullets = [{"content": line, "children": []} for line in note.split("\n") if line]
    page = {
        "page-name": TITLE,
        "children": [{"content": "塔罗", "children": bullets}, {"content": "买菜", "children": []}],
    }
    return {"logseq.json": json.dumps({"version": 1, "blocks": [page]})}


def textbundle(note: str) -> Files:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in {
            "text.md": f"# {TITLE}\n\n{note}",
            "info.json": '{"version": 2}',
            "assets/a.png": "\x89PNG",
        }.items():
            archive.writestr(f"{TITLE}.textbundle/{name}", text)
    return {"熊掌记.bear2bk": data.getvalue()}


def other_xml(note: str) -> Files:
    row = f"<row><title>{TITLE}</title><date>1713186180000</date><text>{escape(note)}</text></row>"
    return {
        "diary.xml": f'<?xml version="1.0"?><data><table name="entries">{row}<row><text>买菜</text></row></table></data>'
    }


def table(note: str) -> Files:
    text = io.StringIO()
    csv.writer(text).writerows([["标题", "内容", "创建时间", "文件夹"], [TITLE, note, "2024/4/15 21:03", "塔罗"]])
    return {"便签.csv": text.getvalue()}


TOOLS: dict[str, Callable[[str], Files]] = {
    make.__name__: make
    for make in (
        text_file,
        evernote,
        joplin_raw,
        joplin_jex,
        logseq,
        siyuan,
        yuque,
        feishu,
        obsidian,
        day_one,
        keep_json,
        keep_html,
        simplenote,
        standard_notes,
        flomo,
        apple_journal,
        opml,
        siyuan_sy,
        roam,
        logseq_json,
        textbundle,
        other_xml,
        table,
    )
}
