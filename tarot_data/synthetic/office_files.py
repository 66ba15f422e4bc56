"""Writers of the smallest .xlsx and .docx files that office programs open, without a package for it."""

import zipfile
from datetime import date
from pathlib import Path
from xml.sax.saxutils import escape

STAMP = (2024, 1, 5, 21, 3, 0)
"""Time of every entry of an archive, so that the same content gives the same bytes."""

PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

WIDEST_TITLE = 31
"""Characters of a sheet's name that Excel accepts."""


def write_xlsx(path: Path, sheets: list[tuple[str, list[list[object]]]]) -> None:
    """Write sheets of (title, rows). Cells: str, bool, int, float or date (a serial number shown as yyyy/m/d).

    A first row of one cell is a title over the table and is merged across it.
    """
    parts = {
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": f'{XML}<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>'
        + "".join(
            f'<sheet name="{escape(title[:WIDEST_TITLE])}" sheetId="{i}" r:id="rId{i}"/>'
            for i, (title, _) in enumerate(sheets, 1)
        )
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": _relations(
            [("worksheet", f"worksheets/sheet{i}.xml") for i in range(1, len(sheets) + 1)] + [("styles", "styles.xml")]
        ),
        "xl/styles.xml": f'{XML}<styleSheet xmlns="{SHEET}">'
        '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy/m/d"/></numFmts>'
        '<fonts count="1"><font><sz val="11"/><name val="DengXian"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        '<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
        '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
        "</styleSheet>",
    }
    for i, (_, rows) in enumerate(sheets, 1):
        parts[f"xl/worksheets/sheet{i}.xml"] = _sheet(rows)
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    types = {"xl/workbook.xml": f"{main}.sheet.main+xml", "xl/styles.xml": f"{main}.styles+xml"}
    types |= {f"xl/worksheets/sheet{i}.xml": f"{main}.worksheet+xml" for i in range(1, len(sheets) + 1)}
    _write(path, types, parts)


def write_docx(path: Path, blocks: list[tuple[str, object]]) -> None:
    """Write blocks of ("heading", text), ("paragraph", text with soft line breaks) or ("table", rows of texts)."""
    body = "".join(_table(content) if kind == "table" else _paragraph(kind, content) for kind, content in blocks)
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    _write(
        path,
        {"word/document.xml": f"{main}.document.main+xml", "word/styles.xml": f"{main}.styles+xml"},
        {
            "_rels/.rels": _relations([("officeDocument", "word/document.xml")]),
            "word/document.xml": f'{XML}<w:document xmlns:w="{WORD}"><w:body>{body}<w:sectPr/></w:body></w:document>',
            "word/_rels/document.xml.rels": _relations([("styles", "styles.xml")]),
            "word/styles.xml": f'{XML}<w:styles xmlns:w="{WORD}">'
            '<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>'
            '<w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/><w:basedOn w:val="Normal"/>'
            '<w:pPr><w:outlineLvl w:val="0"/></w:pPr><w:rPr><w:b/><w:sz w:val="32"/></w:rPr></w:style></w:styles>',
        },
    )


def _sheet(rows: list[list[object]]) -> str:
    lines = []
    for number, row in enumerate(rows, 1):
        cells = "".join(_cell(f"{chr(65 + column)}{number}", value) for column, value in enumerate(row))
        lines.append(f'<row r="{number}">{cells}</row>')
    width = max(len(row) for row in rows)
    merged = ""
    if len(rows[0]) == 1 < width:
        merged = f'<mergeCells count="1"><mergeCell ref="A1:{chr(64 + width)}1"/></mergeCells>'
    return f'{XML}<worksheet xmlns="{SHEET}"><sheetData>{"".join(lines)}</sheetData>{merged}</worksheet>'


def _cell(ref: str, value: object) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return f'<c r="{ref}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, date):
        # Excel counts days from 30 December 1899, because it takes 1900 for a leap year.
        return f'<c r="{ref}" s="1"><v>{(value - date(1899, 12, 30)).days}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{ref}"><v>{value}</v></c>'
    return f'<c r="{ref}" t="inlineStr"><is><t xml:space="preserve">{escape(str(value))}</t></is></c>'


def _paragraph(kind: str, text: object) -> str:
    style = '<w:pPr><w:pStyle w:val="Heading1"/></w:pPr>' if kind == "heading" else ""
    lines = "<w:br/>".join(f'<w:t xml:space="preserve">{escape(line)}</w:t>' for line in str(text).split("\n"))
    return f"<w:p>{style}<w:r>{lines}</w:r></w:p>"


def _table(rows: list[list[str]]) -> str:
    lines = "".join(
        "<w:tr>" + "".join(f"<w:tc><w:tcPr/>{_paragraph('paragraph', cell)}</w:tc>" for cell in row) + "</w:tr>"
        for row in rows
    )
    grid = "<w:gridCol/>" * len(rows[0])
    return f"<w:tbl><w:tblPr/><w:tblGrid>{grid}</w:tblGrid>{lines}</w:tbl>"


def _relations(targets: list[tuple[str, str]]) -> str:
    lines = "".join(
        f'<Relationship Id="rId{i}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for i, (kind, target) in enumerate(targets, 1)
    )
    return f'{XML}<Relationships xmlns="{PACKAGE}/relationships">{lines}</Relationships>'


def _write(path: Path, types: dict[str, str], parts: dict[str, str]) -> None:
    overrides = "".join(f'<Override PartName="/{name}" ContentType="{kind}"/>' for name, kind in types.items())
    contents = (
        f'{XML}<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for name, text in {"[Content_Types].xml": contents, **parts}.items():
            entry = zipfile.ZipInfo(name, STAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text.encode("utf-8"))
