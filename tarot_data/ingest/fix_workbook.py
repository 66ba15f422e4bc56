"""Workbook of open rejections, one row each, that a person corrects in a spreadsheet.

Only changes in the workbook count: a cell is compared with the text that would be written into it now.
"""

import io
import json
from datetime import date
from pathlib import Path

import polars as pl

from schemas.errors import Problem
from schemas.messages import LANGUAGES, say
from schemas.rejections import describe
from tarot_data.cards.format import card_text
from tarot_data.ingest.fixes import FIELDS, Fix
from tarot_data.ingest.raw_json import has_resolved_cards
from tarot_data.system.atomic import replacing
from tarot_data.text.cleanup import FORMULA, neutral

COLUMNS = ("rejection_id", "decision", "reason", "detail", *FIELDS, "place")
"""decision: empty, or a word for accept or dismiss. place: file, member and locator."""

DECISIONS = ("accept", "dismiss")
LISTED = ("cards", "spreads")
"""Fields with one line a draw."""


def cells(rejection: dict) -> dict[str, str]:
    """Return the FIELDS of a rejection's record as texts, as a person would type them."""
    return record_cells(json.loads(rejection["record"] or "{}"))


def record_cells(record: dict) -> dict[str, str]:
    """Return the FIELDS of a record, or of a reading (READINGS), as texts, as a person would type them."""
    draws = record.get("draws") or []
    if has_resolved_cards(record):
        resolved = record["cards"]
        numbers = sorted({card["draw"] for card in resolved})
        drawn = ["、".join(card_text(card) for card in resolved if card["draw"] == number) for number in numbers]
    else:
        drawn = [_text(draw.get("cards")) for draw in draws]
    values = {name: _text(record.get(name)) for name in FIELDS if name not in LISTED}
    values["cards"] = "\n".join(drawn)
    values["spreads"] = "\n".join(_text(draw.get("spread")) for draw in draws).strip("\n")
    return values


def changed(typed: dict[str, str], was: dict[str, str]) -> dict[str, object]:
    """Return the fields of a `Fix`: those typed by a person that differ from the `cells` of the record."""
    fields = {}
    for name in FIELDS:
        if name in typed and typed[name].strip() != was[name].strip():
            lines = [line.strip() for line in typed[name].split("\n")]
            fields[name] = (
                [line for line in lines if line or name == "spreads"] if name in LISTED else typed[name].strip()
            )
    return fields


def write(rejected: pl.DataFrame, path: Path, lang: str, places: dict[str, str]) -> None:
    """Write the workbook. rejected: REJECTIONS with a record. places: rejection_id -> text of its source.

    Raises Problem `target_exists` if the file exists: it may hold somebody's work.
    """
    # openpyxl takes 0.2 s to import, which other commands should not wait for.
    from openpyxl import Workbook

    if path.exists():
        raise Problem("target_exists", path=path)
    book = Workbook()
    sheet = book.active
    sheet.title = say("worksheet.title", lang)
    sheet.append([say(f"worksheet.{name}", lang) for name in COLUMNS])
    for row in rejected.iter_rows(named=True):
        values = cells(row) | {
            "rejection_id": row["rejection_id"],
            "decision": "",
            "reason": say(f"reason.{row['reason']}", lang),
            "detail": describe(row["code"], row["values"], lang),
            "place": places[row["rejection_id"]],
        }
        sheet.append([neutral(values[name]) for name in COLUMNS])
    _format(sheet, [say(f"worksheet.{decision}", lang) for decision in DECISIONS])
    # In memory first: on a full disk the zip file of a workbook prints a second error when it is thrown away.
    data = io.BytesIO()
    book.save(data)
    with replacing(path) as half:
        half.write_bytes(data.getvalue())


def _format(sheet, decisions: list[str]) -> None:
    """Set widths, wrap texts, keep the header in view and offer the decisions as a list."""
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.worksheet.datavalidation import DataValidation

    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="E8E4DA")
    for column, name in zip(sheet.columns, COLUMNS, strict=True):
        sheet.column_dimensions[column[0].column_letter].width = _WIDTH.get(name, 18)
        for cell in column[1:]:
            cell.alignment, cell.data_type = Alignment(wrap_text=True, vertical="top"), "s"
    sheet.freeze_panes = "C2"
    choice = DataValidation(type="list", formula1=f'"{",".join(decisions)}"', allow_blank=True)
    sheet.add_data_validation(choice)
    choice.add(f"B2:B{max(2, sheet.max_row)}")


def read(path: Path, rejected: pl.DataFrame) -> dict[str, Fix]:
    """Return rejection_id -> the changes in the workbook; rows without a change are left out.

    rejected: the open REJECTIONS. Raises Problem `worksheet_unreadable`, `worksheet_column` if a necessary column is
    missing, `worksheet_decision` for a word that is neither accept nor dismiss, and `worksheet_row` if a row names no
    open rejection.
    """
    rows = {row["rejection_id"]: row for row in rejected.iter_rows(named=True)}
    decided = {}
    for number, typed in enumerate(_rows(path), 2):
        rejection_id = typed["rejection_id"].strip()
        if not rejection_id:
            continue
        if rejection_id not in rows:
            raise Problem("worksheet_row", path=path, row=number, id=rejection_id)
        fix = _fix(typed, rows[rejection_id], path, number)
        if fix != Fix():
            decided[rejection_id] = fix
    return decided


def _rows(path: Path) -> list[dict[str, str]]:
    """Return the rows below the header: column of COLUMNS -> text. The header may be in either language."""
    from openpyxl import load_workbook

    try:
        book = load_workbook(path, read_only=True, data_only=True)
        table = [["" if value is None else str(value) for value in row] for row in book.worksheets[0].values]
        book.close()
    except Exception as error:  # noqa: BLE001 - openpyxl raises whatever the damaged part raised
        raise Problem("worksheet_unreadable", path=path, why=type(error).__name__) from None
    known = {say(f"worksheet.{name}", lang): name for name in COLUMNS for lang in LANGUAGES}
    header = [known.get(title.strip()) for title in table[0]] if table else []
    if "rejection_id" not in header:
        raise Problem("worksheet_column", path=path, column=say("worksheet.rejection_id"))
    return [{name: plain(value) for name, value in zip(header, row, strict=False) if name} for row in table[1:]]


def _fix(typed: dict[str, str], rejection: dict, path: Path, number: int) -> Fix:
    fields = changed(typed, {name: plain(neutral(value)) for name, value in cells(rejection).items()})
    word = typed.get("decision", "").strip()
    decisions = {say(f"worksheet.{decision}", lang): decision for decision in DECISIONS for lang in LANGUAGES}
    if word and word not in decisions:
        raise Problem("worksheet_decision", path=path, row=number, word=word, known="、".join(decisions))
    decision = decisions.get(word)
    return Fix(fields=fields, accepted=decision == "accept", dismissed=decision == "dismiss")


def plain(text: str) -> str:
    """Return the text of a cell that `neutral` wrote."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULA) else text


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "、".join(value)
    return value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False, default=str)


_WIDTH = {"rejection_id": 20, "decision": 8, "reason": 22, "detail": 40, "cards": 40, "content": 80, "question": 30}
