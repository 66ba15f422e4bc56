"""Every annotated reading in every format, read back: person, question, spread, cards, date and text."""

import random
from collections.abc import Callable

import pytest

from tarot_data.ingest.clean import to_reading
from tarot_data.privacy import mask
from tarot_data.sources import inbox, reader
from tests.sources import layouts

SIZE = 12


def lists(layout: Callable, name: str, *arguments) -> Callable:
    return lambda readings, rng: {name: layout(readings, rng, *arguments)}


def one_each(layout: Callable, name: str) -> Callable:
    return lambda readings, rng: {name.format(r["id"], r["person"]): layout(r, rng) for r in readings}


LAYOUTS = {
    "Notion": lists(layouts.notion_zip, "Export-1.zip"),
    "Notion, zip in zip": lists(layouts.notion_zip, "Export-1.zip", True),
    "CSV UTF-8": lists(layouts.csv_file, "a.csv", "utf-8"),
    "CSV with a mark": lists(layouts.csv_file, "a.csv", "utf-8-sig"),
    "CSV GB18030": lists(layouts.csv_file, "a.csv", "gb18030"),
    "CSV UTF-16": lists(layouts.csv_file, "a.txt", "utf-16"),
    "XLSX": lists(layouts.xlsx_file, "a.xlsx"),
    "JSONL": lists(layouts.jsonl_file, "a.jsonl"),
    "notes": lists(layouts.notes_file, "a.txt"),
    "notes without separators": lists(layouts.notes_file, "a.txt", "\n"),
    "Word, all in one": lists(layouts.docx_file, "a.docx"),
    "Word, one each": one_each(lambda r, rng: layouts.docx_file([r], rng), "{0}.docx"),
    "alpaca": lists(layouts.alpaca_file, "a.json"),
    "ShareGPT": lists(layouts.sharegpt_file, "a.json"),
    "messages": lists(layouts.messages_file, "a.jsonl"),
    "Obsidian": one_each(layouts.obsidian_file, "{0}.md"),
    "WeChat": one_each(layouts.wechat_file, "微信-{1}-{0}.txt"),
}
WITHOUT_DATE = ("alpaca", "ShareGPT", "messages")


@pytest.mark.parametrize("form", LAYOUTS)
def test_every_layout_is_read_back_unchanged(tmp_path, form):
    rng = random.Random(form)
    readings = layouts.annotated_readings()
    if form == "WeChat":
        readings = [r for r in readings if r["date"]]
    for start in range(0, len(readings), SIZE):
        group = readings[start : start + SIZE]
        folder = tmp_path / str(start)
        folder.mkdir()
        for name, data in LAYOUTS[form](group, rng).items():
            (folder / name).write_bytes(data)
        records = [record for file in inbox.discover([folder]) for record in reader.read(file.path, file.root)]
        by_content = {reading["content"]: reading for reading in map(to_reading, records)}
        assert len(records) == len(group)
        for wanted in group:
            reading = by_content[mask.mask(wanted["content"])[0]]
            cards = [(c["card"], layouts.ORIENTATIONS[c["orientation"]]) for c in wanted["cards"]]
            assert [(c["card"], c["orientation"]) for c in reading["cards"]] == cards, wanted["id"]
            assert [draw["spread"] for draw in reading["draws"]] == [wanted["spread"]], wanted["id"]
            day = None if form in WITHOUT_DATE else wanted["date"]
            assert (reading["person"], reading["question"], reading["date"] and str(reading["date"])) == (
                wanted["person"],
                wanted["question"],
                day,
            ), wanted["id"]


def test_labelled_html_pages_are_read(read):
    body = "隐士提着灯，你这半年一直在自己找路。战车倒过来，是缰绳松了。太阳在最后，慢慢就亮了。"
    page = f"<html><head><title>x</title></head><body><h1>换组</h1><p>客户：Mel</p><p>问题：换组</p><p>牌：隐士正位、战车逆位</p><h2>解读</h2><p>{body}</p></body></html>"
    (record,) = read({"a.html": page})
    assert (record.person, record.question, record.content) == ("Mel", "换组", body)
