"""Removal of artefacts that a file format adds to a text: control characters, HTML, image lines, spreadsheet formulas."""

import html
import re
import unicodedata

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


def clean_text(text: str) -> str:
    """Remove file artefacts from a text. Line ends become \\n, at most one blank line is kept, ends are stripped."""
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
    """Remove known HTML tags, with a line break for blocks, and decode entities, however often escaped."""
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


_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def plain(value: object) -> str:
    """Convert a value to text without control characters and lone surrogates, which no file can store."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    if _CONTROLS.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        text = _CONTROLS.sub("", text)
    return text


LONGEST_CELL = 32_767
"""Characters of a workbook's cell (Excel's specification); a longer content is shown truncated and cannot be changed."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""Beginnings that a spreadsheet, or the CSV it is saved as, evaluates as a formula (OWASP, CSV injection)."""


def neutral(text: str) -> str:
    """Quote a text that a spreadsheet would evaluate, and truncate it to a cell's length."""
    text = text[: LONGEST_CELL - 1].replace("\r\n", "\n")
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text
