"""English sentences that stores of shape 2 have instead of a code and values, and their conversion."""

import re
from functools import cache

LEGACY = "legacy"
"""Code of a sentence that is none of these, kept as it is in the value `text`."""

SENTENCES = {
    "not_a_file": "a link, a device or a pipe, not a file",
    "file_too_large": "{size} bytes; the limit is {limit}",
    "cannot_open": "cannot be opened ({error})",
    "unforeseen": "this file could not be read ({error})",
    "empty_file": "an empty file (0 bytes)",
    "unknown_binary": "binary data of no known form",
    "unknown_form": "no form fits: no labels, no table, no chat, no pages",
    "old_office": "an old Office file (.doc, .xls) or an encrypted one; save it as .docx or .xlsx without a password",
    "pdf": "a PDF; export the text as .docx or .md",
    "media": "a picture, film or sound file",
    "program": "a program",
    "rtf": "an RTF file; save it as .docx or .txt",
    "binary_text": "binary data, no text form",
    "unknown_encoding": "text in an encoding that is not known",
    "text_too_large": "a text of {size} bytes; the limit is {limit}. Split the file",
    "damaged_zip": "a zip archive that is cut off or damaged ({error})",
    "nameless_entry": "a zip archive that is damaged (an entry without a name)",
    "too_many_entries": "{entries} entries; the limit is {limit}",
    "path_outside": "an entry's path leads out of the archive",
    "symbolic_link": "an entry is a symbolic link",
    "encrypted_entry": "an entry is encrypted; unpack the archive with its password first",
    "same_entry_name": "two entries have the same name",
    "entry_ratio": "an entry unpacks to more than {times} times its size",
    "unpacked_size": "{size} bytes unpacked; the limit is {limit}",
    "unpacks_too_far": "the archive unpacks to more than it may",
    "entry_too_large": "an entry of more than {limit} bytes",
    "damaged_entry": "a damaged entry ({error})",
    "chat_empty": "a chat without a text message",
    "chat_page_empty": "a chat page without messages",
    "chat_without_cards": "a chat in which nobody lays cards",
    "chat_without_reader": "a chat in which nobody is marked as the reader",
    "chat_reader_unclear": "it cannot be told who of the chat is the reader",
    "document_entities": "the document declares entities",
    "document_damaged": "the document is damaged ({error})",
    "page_without_readings": "a page without a table or labels of readings",
    "database_too_large": "a database of {size} bytes; the limit is {limit}",
    "database_damaged": "a damaged or locked database ({error})",
    "no_reading_table": "no table with a column for the reading's text; tables: {tables}",
    "table_damaged": "the rest of the table is damaged ({error})",
    "sheet_too_large": "the sheet spans {cells} cells; the limit is {limit}",
    "hidden_sheet": "the sheet is hidden; unhide it to have it read",
    "no_reading_sheet": "no sheet with columns for a reading's text or cards",
    "xlsb": "a binary workbook (.xlsb); save it as .xlsx",
    "workbook_damaged": "the workbook is damaged ({error})",
    "sheet_damaged": "a damaged sheet ({error})",
    "workbook_unreadable": "the workbook could not be read ({error})",
    "no_columns": "no table with known column names",
    "no_text_column": "a table without a column for the reading's text and cards",
    "open_quote": "the quotes of a cell do not fit ({error})",
    "too_many_cells": (
        "the row has {cells} cells, the header {columns}: {over} too many; put cells with commas in double quotes"
    ),
    "line_too_long": "a line longer than {limit} bytes",
    "line_encoding": "the line is in another encoding than its file",
    "cut_json": "not complete JSON: {why}",
    "too_deep": "nested deeper than {limit}",
    "no_reading_object": "no object of a reading",
    "no_object": "no object",
    "empty": "the content is empty",
    "nothing_left": "nothing is left of the content",
    "only_cards": "the content only repeats the cards",
    "broken_text": "the encoding of the content is broken; export the file again as UTF-8",
    "too_short": "{count} characters, fewer than {least}",
    "not_chinese": "{count} Chinese characters among {letters} letters",
    "unknown_card": "'{card}' is no card of this deck",
    "no_cards": "no cards in the fields, none plainly drawn in the content",
    "card_twice": "{card} lies twice in draw {draw}",
    "same_reading": "same cards and words as {twin}",
    "near_reading": "{share} of the words are those of {twin}",
    "says_upright": "content says upright of {card}, drawn reversed: {written}",
    "says_reversed": "content says reversed of {card}, drawn upright: {written}",
    "undrawn_card": "content interprets {card}, which was not drawn; {missing} is not spoken of",
    "contract": "fails the contract of a reading: {rule}",
}
PACKED = {
    "a 7z archive; unpack it": "7z",
    "a RAR archive; unpack it": "RAR",
    "a gzip file; unpack it": "gzip",
    "a bzip2 file; unpack it": "bzip2",
    "an xz file; unpack it": "xz",
}
"""Sentence -> the `kind` of a compressed file."""

MEDIA = frozenset({"a picture", "a picture or sound", "a sound file", "a voice message"})

_READING = re.compile("r[0-9a-f]{16}")


def verdict_of(sentence: str) -> tuple[str, dict[str, str]]:
    """Return code and values of a sentence."""
    if sentence in PACKED:
        return "packed", {"kind": PACKED[sentence]}
    if sentence in MEDIA:
        return "media", {}
    if sentence in _codes():
        return _codes()[sentence], {}
    for code, pattern in _patterns():
        if found := pattern.fullmatch(sentence):
            return code, found.groupdict()
    twin = _READING.search(sentence)
    return LEGACY, {"text": sentence} | ({"twin": twin.group()} if twin else {})


@cache
def _codes() -> dict[str, str]:
    """Return the sentences without values, which most rejections have."""
    return {sentence: code for code, sentence in SENTENCES.items() if "{" not in sentence}


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """Compile the sentences with values, the longest first: `a text of {size} bytes; …` also ends like `{size} bytes;
    …`."""
    return [
        (code, re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.*?)", re.escape(sentence)), re.DOTALL))
        for code, sentence in sorted(SENTENCES.items(), key=lambda item: -len(item[1]))
        if "{" in sentence
    ]
