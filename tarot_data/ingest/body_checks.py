"""A text without what its file did to it, and whether what is left is the body of a reading.

Cleaning repairs the file, not the author: Unicode NFC, line ends, invisible characters, HTML, image lines. Wording,
punctuation, emoji and script stay as written.
"""

import html
import re
import unicodedata

from tarot_data import lexicon
from tarot_data.cards import card_fields
from tarot_data.sources.records import plain
from tarot_data.text.normalise import fold

SHORTEST = 40
"""Characters without white space: shorter bodies are remarks, not readings (DESIGN, closed lists)."""

CHINESE_SHARE = 0.1
"""Chinese characters among all letters. The most English of 176 annotated readings has 0.26."""

_INVISIBLE = re.compile("[\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u00ad]")
_STRAY_JOINER = re.compile(
    "(?<![\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u2640\u2642])\u200d|\u200d(?![\U0001f000-\U0001faff\u2600-\u27bf\u2640\u2642\u2695-\u26a7])"
)
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_MEDIA_NAME = re.compile(r"\.(?:jpe?g|png|gif|heic|webp|mp4)", re.IGNORECASE)
_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029\u0085\x0b\x0c]")
_IMAGE = re.compile(r"!\[[^\]\n]{0,300}\]\((?:[^()\n]|\([^()\n]{0,300}\)){0,2000}\)|!\[\[[^\]\n]{1,300}\]\]")
_IMAGE_LINE = re.compile(
    r"^[ \t>]*(?:\[(?:图片|圖片|照片|image|photo|动画表情|動畫表情|表情|视频|視頻|语音|語音)\]|(?:IMG|DSC|image|截图|微信图片)[_\- ]?[\w\-]{0,40}\.(?:jpe?g|png|gif|heic|webp|mp4))[ \t]*$",
    re.IGNORECASE,
)
_FILE_LINE = re.compile(
    r"^[ \t]*\[[^\]\n]{0,300}\]\((?!https?:)[^()\n]{1,2000}\.(?:jpe?g|png|gif|heic|webp|pdf|mp4|mov|mp3|m4a|csv|md|html?)\)[ \t]*$",
    re.IGNORECASE,
)
_SPACE_END = re.compile(r"[ \t\u00a0]+$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")
_DROPPED_ELEMENT = re.compile(
    r"<(script|style|head|iframe|object|noscript)\b[^>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)(?:\]\]>|\Z)", re.DOTALL)
_BLOCK = "p|div|br|hr|li|ul|ol|tr|table|tbody|thead|h[1-6]|blockquote|aside|details|summary|section|article|header|footer|pre|figure|figcaption|dl|dt|dd"
_INLINE = "span|b|i|u|s|em|strong|a|font|img|code|sub|sup|small|big|del|ins|mark|td|th|label|html|body|meta|link|input|button|svg|path|video|audio|source|form|center|strike|ruby|rt|rp|q|cite|abbr|time|o:p|w:sdt|wbr|picture|col|colgroup|caption|kbd|samp|var|tt|embed|param|base|nav|main|title|script|style|iframe|object|noscript|head"
_TAG = re.compile(rf"</?(?:({_BLOCK})|{_INLINE})(?:[\s/][^<>]{{0,4000}})?/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_HAN_RUN = re.compile(f"{_HAN.pattern}+")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_OTHER_SCRIPT = re.compile(r"[\u0370-\u052f\u0590-\u06ff\u0900-\u0e7f\u3041-\u30fa\uac00-\ud7af]")
_ONLY_LINKS = re.compile(r"(?:https?://\S+|\[[^\]]*\]\([^)]*\)|\[[\u4e00-\u9fff]{2,4}\]|〔[^〕]{1,8}〕|[\s\W_])+")


def clean_text(text: str) -> str:
    """A text without what its file did to it. Line ends are \\n, at most one blank line stays, ends are stripped."""
    if not text:
        return ""
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    if _ODD.search(text):
        text = plain(_LINE_ENDS.sub("\n", text))
        text = _STRAY_JOINER.sub("", _INVISIBLE.sub("", text)).replace("\u00a0", " ")
    if "<" in text or "&" in text:
        text = _without_html(text)
    if "[" in text or ("." in text and _MEDIA_NAME.search(text)):
        text = _without_images(text)
    if " \n" in text or "\t\n" in text:
        text = _SPACE_END.sub("", text)
    if "\n\n\n" in text:
        text = _BLANK_LINES.sub("\n\n", text)
    return text.strip()


def _without_html(text: str) -> str:
    """Tags that HTML knows dropped, a block tag as a line break, entities as characters, however often escaped."""
    for _ in range(6):
        before = text
        text = _CDATA.sub(r"\1", text)
        text = _DROPPED_ELEMENT.sub("", text)
        text = _TAG.sub(lambda match: "\n" if match[1] else "", text)
        if "&" in text:
            text = _ENTITY.sub(lambda match: html.unescape(match[0]), text).replace("\u00a0", " ")
        if text == before:
            break
    return plain(text)


def _without_images(text: str) -> str:
    lines = []
    for line in text.split("\n"):
        kept = _IMAGE.sub("", line) if "![" in line else line
        if (kept != line and not kept.strip(" \t>")) or _IMAGE_LINE.match(kept) or _FILE_LINE.match(kept):
            continue
        lines.append(kept)
    return "\n".join(lines)


@lexicon.cached
def _empty_bodies() -> frozenset[str]:
    return frozenset(fold(word) for row in lexicon.read_table("empty_bodies") for word in row["words"].split("|"))


def body_problem(content: str) -> tuple[str, str] | None:
    """Reason and detail where a clean content is no body of a reading, else None."""
    dense = "".join(content.split())
    said = fold(dense).strip("。.!！()（）[]【】") if len(dense) < SHORTEST else dense
    if not dense or said in _empty_bodies() or _ONLY_LINKS.fullmatch(content):
        return "empty_body", "nothing is left of the content" if dense else "the content is empty"
    if _is_broken(content):
        return "unreadable", "the encoding of the content is broken; export the file again as UTF-8"
    if len(dense) < 300 and card_fields.listed(content):
        return "empty_body", "the content only repeats the cards"
    if len(dense) < SHORTEST:
        return "too_short", f"{len(dense)} characters, fewer than {SHORTEST}"
    # Two hundred characters settle it for nearly every reading; a doubtful one is counted whole.
    if sum(map(len, _HAN_RUN.findall(content[:200]))) < 60 or _OTHER_SCRIPT.search(content):
        chinese, foreign = len(_HAN.findall(content)), len(_OTHER_SCRIPT.findall(content))
        letters = chinese + foreign + len(_LATIN.findall(content))
        if chinese < CHINESE_SHARE * letters or foreign > chinese * 0.2:
            return "not_chinese", f"{chinese} Chinese characters among {letters} letters"
    return None


def _is_broken(content: str) -> bool:
    """Broken characters, more than one in 200 (a single cut emoji is let pass), or UTF-8 that was read as GBK (`鍜ㄨ`)."""
    broken = content.count("\ufffd") + sum(content.count(mark) for mark in ("锟斤拷", "烫烫烫", "ï»¿", "â€", "å", "ä¸"))
    if broken > 1 and broken * 200 > len(content):
        return True
    if any(common in content for common in "的是你我"):
        # Text read in the wrong encoding has none of these.
        return False
    foreign = "".join(_HAN.findall(content[:300]))[:120]
    if len(foreign) < 20:
        return False
    try:
        data = foreign.encode("gbk")
    except UnicodeEncodeError:
        return False
    return len(_HAN.findall(data.decode("utf-8", "ignore"))) * 3 > len(data) * 0.6
