"""Share of invented contact details that are masked, by kind: `make bench-masking` prints it and writes docs/inbox.md.

A detail is masked if no part marked « » in its sentence is left as it was written.
"""

import re
from collections import Counter

from benchmarks.pages import ROOT, show
from tarot_data.privacy.mask import mask
from tarot_data.privacy.third_persons import names_in

DOCS, FOLDER = ROOT / "docs" / "inbox.md", ROOT / "tests" / "privacy"
KINDS = {
    "mobile": "mobile numbers",
    "abroad": "numbers abroad",
    "landline": "landlines",
    "wechat": "WeChat",
    "qq": "QQ",
    "social": "other accounts",
    "email": "mail",
    "url": "links",
    "id_card": "identity papers",
    "bank_card": "bank cards",
    "address": "addresses",
    "order": "orders, parcels",
    "plate": "number plates",
    "birth": "birth data",
    "hospital": "hospital, insurance",
    "student": "school, work",
    "company": "company",
    "other": "meetings, codes, coordinates, IP",
}
"""Words of the table by kind of details.txt, in the order of the table."""


def main() -> None:
    show("inbox.md", "masking", table_of(details()))
    found, every, wrong = third_persons()
    print(f"third persons with a role: {found} of {every}, {wrong} wrong")


def lines(name: str) -> list[str]:
    """Return the lines of a file of tests/privacy below its heading."""
    return (FOLDER / name).read_text(encoding="utf-8").splitlines()[1:]


def details() -> list[tuple[str, str]]:
    """Return (kind, sentence) of the invented details."""
    return [tuple(line.split("|", 1)) for line in lines("details.txt")]


def is_masked(sentence: str) -> bool:
    """Test whether every part between « and » is masked."""
    masked, _ = mask(bare(sentence))
    return not any(secret in masked for secret in marked(sentence))


def marked(sentence: str) -> list[str]:
    return re.findall("«(.*?)»", sentence)


def bare(sentence: str) -> str:
    return re.sub("[«»]", "", sentence)


def table_of(rows: list[tuple[str, str]]) -> str:
    """Return the table of docs/inbox.md: details and how many are masked, by kind and together."""
    every = Counter(kind for kind, _ in rows)
    found = Counter(kind for kind, sentence in rows if is_masked(sentence))
    body = "\n".join(f"| {name} | {every[kind]} | {found[kind]} |" for kind, name in KINDS.items())
    return f"| kind | details | masked |\n|---|---|---|\n{body}\n| all | {every.total()} | {found.total()} |"


def third_persons() -> tuple[int, int, int]:
    """Return how many names of third persons are found, how many there are, and sentences with a name that is none."""
    rows = [(marked(line), names_in([bare(line)])) for line in lines("third_persons.txt")]
    named = [(wanted, found) for wanted, found in rows if wanted]
    return sum(a == b for a, b in named), len(named), sum(bool(found) for wanted, found in rows if not wanted)


if __name__ == "__main__":
    main()
