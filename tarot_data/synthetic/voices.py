"""The five voices of made-up readings: paragraphs of sentences to the text of a chat, speech, notes, letter or blog."""

import re
from collections.abc import Iterator
from functools import cache

import opencc

from tarot_data.synthetic.tables import Line, Tables, Writer

Paragraphs = list[list[Line]]


def render(writer: Writer, paragraphs: Paragraphs) -> str:
    """Write the paragraphs in the voice of the writer."""
    return VOICES[writer.voice](writer, paragraphs)


def _joined(paragraphs: Paragraphs, gap: str) -> str:
    return gap.join("".join(line.text for line in paragraph) for paragraph in paragraphs)


def _formal(writer: Writer, paragraphs: Paragraphs) -> str:
    return _joined(paragraphs, "\n\n")


def _blog(writer: Writer, paragraphs: Paragraphs) -> str:
    gap = writer.rng.choice(("\n\n", "\n\n", "\n"))
    return traditional(writer.tables, _joined(paragraphs, gap))


def _notes(writer: Writer, paragraphs: Paragraphs) -> str:
    """Write one sentence a line, sometimes as a list."""
    bulleted = ("intro", "meaning", "link") if writer.rng.random() < 0.3 else ()
    parts = []
    for paragraph in paragraphs:
        bullets = ("- " if line.kind in bulleted and line.text[0] not in "→·>-" else "" for line in paragraph)
        parts.append("\n".join(bullet + line.text for bullet, line in zip(bullets, paragraph, strict=True)))
    return "\n\n".join(parts)


def _chat(writer: Writer, paragraphs: Paragraphs) -> str:
    """Write one or two sentences a line; a line ends in nothing, a full stop, a tilde, an exclamation mark or an emoji."""
    merry = writer.rng.random()
    parts = ["".join(_chat_lines(writer, paragraph, merry)) for paragraph in paragraphs]
    return ("\n" if writer.rng.random() < 0.3 else "\n\n").join(parts)


def _chat_lines(writer: Writer, paragraph: list[Line], merry: float) -> Iterator[str]:
    rng = writer.rng
    for number, line in enumerate(paragraph):
        ended = line.text[-1] in "？！。～"
        last = number == len(paragraph) - 1
        chance = rng.random()
        if not last and chance < 0.35 and line.kind not in ("greet", "fact") and line.text[-1] != "～":
            # The next sentence follows on the same line, so this one needs a stop.
            yield line.text + ("" if ended else "。" if chance < 0.3 else "！")
            continue
        chance = rng.random()
        end = "" if ended or chance < 0.5 else "。" if chance < 0.8 else "～" if chance < 0.93 else "！"
        emoji = writer.words("emoji", line.kind)
        if emoji and rng.random() < 0.15 + 0.35 * merry:
            end += rng.choice(emoji)
        yield line.text + end + ("" if last else "\n")


def _speech(writer: Writer, paragraphs: Paragraphs) -> str:
    """Write a voice message turned to text: one sentence a line, fillers, commas mostly lost."""
    rng = writer.rng
    commas = rng.choice((0.05, 0.1, 0.9))
    no_filler, particles = writer.words("filler", "not_before"), writer.words("filler", "not_after")
    lines = []
    for line in (line for paragraph in paragraphs for line in paragraph):
        text = line.text.replace("“", "").replace("”", "").rstrip("。")
        if rng.random() < 0.2 and line.kind != "greet" and not text.startswith(no_filler):
            text = rng.choice(writer.words("filler", "start")) + text
        text, *clauses = re.split("[，：]", text)
        for clause in clauses:
            may_fill = line.kind != "ask" and not clause.startswith(no_filler)
            text += _pause(writer, commas, may_fill) + clause
        if rng.random() < 0.15 and line.kind not in ("greet", "closing") and not text.endswith(particles):
            text += rng.choice(writer.words("filler", "end"))
        lines.append(text + ("。" if commas > 0.5 and text[-1] != "？" else ""))
    return "\n".join(lines)


def _pause(writer: Writer, commas: float, may_fill: bool) -> str:
    """Replace a comma by itself, a space, a filler or nothing. commas: share of commas that stay."""
    chance = writer.rng.random()
    if writer.rng.random() < commas:
        return "，"
    if chance < 0.2:
        return " "
    return writer.rng.choice(writer.words("filler", "join")) if chance < 0.5 and may_fill else ""


VOICES = {"chat": _chat, "speech": _speech, "notes": _notes, "formal": _formal, "trad": _blog}


@cache
def _converter():
    return opencc.OpenCC("s2tw")


def traditional(tables: Tables, text: str) -> str:
    """Convert to traditional characters as written in Taiwan, by OpenCC and the differences in words.csv."""
    text = _converter().convert(text)
    for (kind, key), (value, *_) in tables.words.items():
        if kind == "traditional":
            text = text.replace(key, value)
    return text
