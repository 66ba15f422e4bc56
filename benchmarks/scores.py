"""How often the scores prefer a human reading to a spoilt copy: `make bench-scores`.

Writes the table into docs/training.md, between its marks.
"""

from pathlib import Path

from tests.train.worse import pairs_of, table

DOCUMENT = Path(__file__).parents[1] / "docs" / "training.md"
BEGIN, END = "<!-- pairs -->", "<!-- /pairs -->"


def markdown(rows: list[dict]) -> str:
    lines = ["| copy made worse | pairs | dimension | prefers the human | overall prefers |", "|---|---|---|---|---|"]
    for row in rows:
        shares = [f"{row[name] / row['pairs']:.1%}" for name in ("by_dimension", "by_overall")]
        lines.append(f"| {row['way'].replace('_', ' ')} | {row['pairs']} | {row['dimension']} | {' | '.join(shares)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    written = markdown(table(pairs_of()))
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{written}\n{END}{after}", encoding="utf-8")
    print(written)
