"""What the labeller looks at in a sentence, for a whole batch of readings at once, as numpy arrays.

Three kinds: hashed n-grams of characters in which every card name is one sign 〈牌〉 and every orientation one sign
〈位〉, so that 78 names and two scripts look alike; cue phrases of the lexicon; and structure (place in the reading, marks,
which drawn cards a sentence speaks of).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from schemas.deck import CARDS
from tarot_data import cards, cues, lexicon, matching, sentences, style, themes
from tarot_data.folding import fold

CARD_SIGN, TURN_SIGN, PERSON_SIGN, DIGIT_SIGN = 0xE000, 0xE001, 0xE002, 0x30
BUCKETS = 1 << 20
SEPARATOR = "\n\n\n"


@dataclass
class Batch:
    """Many readings as one folded text. Arrays named s_… have one entry a sentence, m_… one a mention of a card.

    codes, written: code points of the text, folded and as it stands. found: where each table's words stand in it.
    """

    readings: list[dict]
    text: str
    codes: np.ndarray
    r_start: np.ndarray
    s_reading: np.ndarray
    s_index: np.ndarray
    s_start: np.ndarray
    s_end: np.ndarray
    s_count: np.ndarray
    m_start: np.ndarray
    m_end: np.ndarray
    m_card: np.ndarray
    m_sentence: np.ndarray
    drawn: list[list[int]]
    written: np.ndarray
    found: dict[str, matching.Matches]

    @property
    def size(self) -> int:
        return len(self.s_start)

    def sentence_of(self, position: np.ndarray) -> np.ndarray:
        """Sentence at each character position, -1 between sentences."""
        index = np.searchsorted(self.s_start, position, side="right") - 1
        inside = (index >= 0) & (position < self.s_end[np.maximum(index, 0)])
        return np.where(inside, index, -1)


@cache
def _folds() -> np.ndarray:
    """The fold of every code point, as code points."""
    table = np.arange(0x110000, dtype=np.uint32)
    below = "".join(map(chr, range(0xD800)))
    above = "".join(map(chr, range(0xE000, 0x10000)))
    for first, characters in ((0, below), (0xE000, above)):
        table[first : first + len(characters)] = np.frombuffer(fold(characters).encode("utf-32-le"), dtype=np.uint32)
    return table


@lexicon.cached
def _vocabulary() -> dict[str, list[str]]:
    return {
        "cards": cards.phrases(),
        "turns": list(cues.turn_words()),
        "images": _image_words()[0],
        "pointers": list(dict.fromkeys(fold(row["word"]) for row in lexicon.read_table("pointers"))),
        "themes": themes.words(),
        "style": style.words(),
    }


def to_batch(readings: Sequence[dict]) -> Batch:
    """readings: dicts with content and cards (dicts with card, position; may be empty: then those the text names)."""
    readings = list(readings)
    parts, r_start, spans, at = [], [], [], 0
    for number, reading in enumerate(readings):
        content = reading["content"]
        r_start.append(at)
        spans += [(number, index, at + s, at + e) for index, (s, e) in enumerate(sentences.split(content))]
        parts.append(content)
        at += len(content) + len(SEPARATOR)
    written = np.frombuffer((SEPARATOR.join(parts) + SEPARATOR).encode("utf-32-le"), dtype=np.uint32)
    codes = _folds()[written]
    text = codes.tobytes().decode("utf-32-le")
    found = matching.find_tables(text, _vocabulary())
    table = np.array(spans, dtype=np.int64).reshape(-1, 4)
    drawn = [list(dict.fromkeys(cards.CARD_ID[c["card"]] for c in reading.get("cards") or ())) for reading in readings]
    starts = np.array(r_start, dtype=np.int64)
    known = [[CARDS[c] for c in d] or None for d in drawn]
    m_start, m_end, m_card = cards.choose(text, found["cards"], starts, known)
    edges = np.searchsorted(m_start, [*r_start, at])
    for number, mine in enumerate(drawn):
        named = m_card[edges[number] : edges[number + 1]].tolist()
        if not mine or not set(mine) <= set(named):
            # Where no card is filed, or one that is never named, what the text names is read too.
            drawn[number] = list(dict.fromkeys([*mine, *named]))
    s_reading = table[:, 0]
    counts = np.bincount(s_reading, minlength=len(readings)) if len(table) else np.zeros(len(readings), dtype=np.int64)
    batch = Batch(
        readings, text, codes, starts, s_reading, table[:, 1], table[:, 2], table[:, 3],
        counts[s_reading] if len(table) else s_reading, m_start, m_end, m_card, np.zeros(0, dtype=np.int64), drawn, written, found,
    )  # fmt: skip
    batch.m_sentence = batch.sentence_of(m_start)
    return batch


def signed_codes(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Code points of all sentences with cards, orientations, persons and digits as one sign each; sentence of each."""
    codes = batch.codes.copy()
    keep = np.zeros(len(codes) + 1, dtype=np.int64)
    np.add.at(keep, batch.s_start, 1)
    np.add.at(keep, batch.s_end, -1)
    keep = np.cumsum(keep)[:-1] > 0
    keep &= codes != 0x20
    codes[(codes >= 0x30) & (codes <= 0x39)] = DIGIT_SIGN
    turns = batch.found["turns"]
    chosen = matching.longest(turns)
    _replace(codes, keep, turns.start[chosen], turns.end[chosen], TURN_SIGN)
    p_start, p_end = persons(batch)
    _replace(codes, keep, p_start, p_end, PERSON_SIGN)
    _replace(codes, keep, batch.m_start, batch.m_end, CARD_SIGN)
    sentence = np.searchsorted(batch.s_start, np.arange(len(codes)), side="right") - 1
    return codes[keep], sentence[keep]


def persons(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    found = []
    for number, reading in enumerate(batch.readings):
        name = fold((reading.get("person") or "").strip())
        if 2 <= len(name) <= 12:
            first, last = batch.r_start[number], batch.r_start[number] + len(reading["content"])
            at = batch.text.find(name, first, last)
            while at >= 0:
                found.append((at, at + len(name)))
                at = batch.text.find(name, at + len(name), last)
    table = np.array(found, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _replace(codes, keep, start, end, sign) -> None:
    inside = np.zeros(len(codes) + 1, dtype=np.int64)
    np.add.at(inside, np.minimum(start + 1, end), 1)
    np.add.at(inside, end, -1)
    keep &= np.cumsum(inside)[:-1] <= 0
    codes[start] = sign


_MULTIPLIER = np.uint32(2654435761)


def signed(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """The sentences one after the other, each between a 1 and a 2: code points, and the sentence of each."""
    codes, sentence = signed_codes(batch)
    count = np.bincount(sentence, minlength=batch.size)
    padded = np.empty(len(codes) + 2 * batch.size, dtype=np.uint32)
    padded[np.arange(len(codes)) + 2 * sentence + 1] = codes
    first = np.cumsum(count + 2) - (count + 2)
    padded[first], padded[first + count + 1] = 1, 2
    return padded, np.repeat(np.arange(batch.size), count + 2)


_COMMAS = np.array([ord(c) for c in ",;:→"], dtype=np.uint32)


def ends(
    padded: np.ndarray, owner: np.ndarray, sentence: np.ndarray, place: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each place lies before its sentence's first comma, and whether after its last; neither without one."""
    commas = np.nonzero(np.isin(padded, _COMMAS))[0]
    first = np.full(int(owner[-1]) + 1 if len(owner) else 0, -1)
    last = first.copy()
    first[owner[commas][::-1]] = commas[::-1]
    last[owner[commas]] = commas
    return (first[sentence] >= 0) & (place < first[sentence]), (last[sentence] >= 0) & (place > last[sentence])


def ngrams(padded: np.ndarray, owner: np.ndarray, longest: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """(sentence, bucket) of every n-gram of 1 to `longest` signs, the sentence's start and end being signs too."""
    rows, buckets = [], []
    rolling = np.zeros(len(padded), dtype=np.uint32)
    for size in range(1, longest + 1):
        shifted = padded[size - 1 :]
        rolling = (rolling[: len(shifted)] ^ shifted) * _MULTIPLIER
        rolling ^= rolling >> np.uint32(15)
        valid = owner[: len(shifted)] == owner[size - 1 :]
        rows.append(owner[: len(shifted)][valid])
        buckets.append(((rolling + np.uint32(size * 7919)) & np.uint32(BUCKETS - 1))[valid])
    return np.concatenate(rows), np.concatenate(buckets).astype(np.int64)


@dataclass
class Pairs:
    """Every sentence with every drawn card of its reading. Arrays p_… have one entry a pair, by sentence, then slot."""

    p_sentence: np.ndarray
    p_slot: np.ndarray
    p_card: np.ndarray
    first: np.ndarray
    named: np.ndarray
    image: np.ndarray
    rank: np.ndarray
    suit: np.ndarray
    position: np.ndarray
    ordinal: np.ndarray
    place: np.ndarray
    current: np.ndarray
    paragraph: np.ndarray
    two: np.ndarray
    back: np.ndarray
    many: np.ndarray
    group: np.ndarray


@lexicon.cached
def _image_words() -> tuple[list[str], np.ndarray, np.ndarray]:
    """Folded words, word by card (bool), and of each word whether it is a picture (0), a rank (1) or a suit (2)."""
    cards_of: dict[str, set[int]] = {}
    for row in lexicon.read_table("images"):
        for word in row["words"].split("|"):
            cards_of.setdefault(fold(word), set()).add(cards.CARD_ID[row["card"]])
    table = {kind: {} for kind in ("rank", "measure", "thing", "suit")}
    for row in lexicon.read_table("ranks"):
        table[row["kind"]].setdefault(fold(row["word"]), []).append(row["value"])
    numbers = {
        "一": "一1",
        "二": "两二2",
        "三": "三3",
        "四": "四4",
        "五": "五5",
        "六": "六6",
        "七": "七7",
        "八": "八8",
        "九": "九9",
    }
    numbers["十"] = ["十", "10"]
    for rank, written in numbers.items():
        for number in written:
            for measure, suits in table["measure"].items():
                for thing, of in table["thing"].items():
                    for suit in set(suits) & set(of):
                        cards_of.setdefault(number + measure + thing, set()).add(cards.CARD_ID[suit + rank])
    ranks = {}
    for word, of in table["rank"].items():
        ranks[word] = {
            i for i, card in enumerate(CARDS) for rank in of if card[2:] == rank and card[:2] in "权杖圣杯宝剑星币"
        }
    suits = {}
    for word, of in table["suit"].items():
        suits[word] = {i for i, card in enumerate(CARDS) for suit in of if card[:2] == suit}
    kinds = dict.fromkeys(cards_of, 0) | dict.fromkeys(ranks, 1)
    for word in suits:
        kinds.setdefault(word, 2)
    words = list(kinds)
    matrix = np.zeros((len(words), len(CARDS)), dtype=bool)
    for i, word in enumerate(words):
        matrix[i, list(cards_of.get(word, set()) | ranks.get(word, set()) | suits.get(word, set()))] = True
    return words, matrix, np.array(list(kinds.values()))


def pairs_of(batch: Batch) -> Pairs:
    """Which drawn cards each sentence speaks of, by name, rank, picture or position, and which it inherits."""
    sizes = np.array([len(d) for d in batch.drawn], dtype=np.int64)
    slots = sizes[batch.s_reading]
    first = np.concatenate([[0], np.cumsum(slots)])
    p_sentence = np.repeat(np.arange(batch.size), slots)
    p_slot = np.arange(len(p_sentence)) - first[p_sentence]
    slot_of = np.full((len(batch.drawn), len(CARDS)), -1, dtype=np.int64)
    for number, drawn in enumerate(batch.drawn):
        slot_of[number, drawn] = np.arange(len(drawn))
    drawn_flat = np.full((len(batch.drawn), max(1, sizes.max(initial=1))), -1, dtype=np.int64)
    for number, drawn in enumerate(batch.drawn):
        drawn_flat[number, : len(drawn)] = drawn
    p_card = drawn_flat[batch.s_reading[p_sentence], p_slot]
    total = len(p_sentence)

    def pair(sentence: np.ndarray, slot: np.ndarray) -> np.ndarray:
        return first[sentence] + slot

    named = np.zeros(total)
    inside = batch.m_sentence >= 0
    m_sentence, m_card = batch.m_sentence[inside], batch.m_card[inside]
    m_slot = slot_of[batch.s_reading[m_sentence], m_card]
    np.add.at(named, pair(m_sentence, m_slot)[m_slot >= 0], 1)

    _, matrix, kinds = _image_words()
    found = batch.found["images"]
    covered = np.zeros(len(batch.codes) + 1, dtype=np.int64)
    np.add.at(covered, batch.m_start, 1)
    np.add.at(covered, batch.m_end, -1)
    covered = np.cumsum(covered) > 0
    free = ~covered[found.start] & ~covered[found.end - 1]
    found = matching.Matches(*(column[free] for column in found))
    found = matching.Matches(*(column[matching.longest(found)] for column in found))
    sentence = batch.sentence_of(found.start)
    found = matching.Matches(*(column[sentence >= 0] for column in found))
    sentence = sentence[sentence >= 0]
    candidates = matrix[found.phrase] & (slot_of[batch.s_reading[sentence]] >= 0)
    share = candidates.sum(axis=1)
    hit, card = np.nonzero(candidates)
    at = pair(sentence[hit], slot_of[batch.s_reading[sentence[hit]], card])
    weight = np.where(found.end - found.start > 1, 1.0, 0.5)[hit] / share[hit]
    image, rank, suit = np.zeros(total), np.zeros(total), np.zeros(total)
    kind = kinds[found.phrase][hit]
    np.add.at(image, at[kind == 0], weight[kind == 0])
    for values, number in ((rank, 1), (suit, 2)):
        np.add.at(values, at[kind == number], (1.0 / share[hit])[kind == number])

    position = np.zeros(total)
    places, sentence, slot = _positions(batch)
    np.add.at(position, pair(sentence, slot), 1)
    place = np.ones(total)
    width = np.maximum(batch.s_end - batch.s_start, 1)
    mine = m_slot >= 0
    where = (batch.m_start[inside] - batch.s_start[m_sentence]) / width[m_sentence]
    np.minimum.at(place, pair(m_sentence, m_slot)[mine], where[mine])
    ordinal, flags = _pointers(batch, sizes, first, total)
    newline = batch.codes == 10
    paragraph = newline[np.maximum(batch.s_start - 2, 0)] & newline[np.maximum(batch.s_start - 1, 0)]
    paragraph |= batch.s_index == 0
    return Pairs(
        p_sentence, p_slot, p_card, first, named, image, rank, suit, position, ordinal, place, _current(batch), paragraph,
        **flags,
    )  # fmt: skip


def _pointers(
    batch: Batch, sizes: np.ndarray, first: np.ndarray, total: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Pairs pointed at by number (第一张, 最后一张), and which sentences have the other pointing words, by kind."""
    rows = lexicon.read_table("pointers")
    found = batch.found["pointers"]
    sentence = batch.sentence_of(found.start)
    ordinal = np.zeros(total)
    flags = {kind: np.zeros(batch.size, dtype=bool) for kind in ("two", "back", "many", "group")}
    for number, row in enumerate(rows):
        hit = sentence[(found.phrase == number) & (sentence >= 0)]
        if row["kind"] == "advice_place":
            continue
        if row["kind"] != "ordinal":
            flags[row["kind"]][hit] = True
            continue
        size = sizes[batch.s_reading[hit]]
        slot = np.full(len(hit), int(row["note"]) - 1) if int(row["note"]) > 0 else size - 1
        keep = (slot < size) & (slot >= 0)
        ordinal[first[hit[keep]] + slot[keep]] = 1
    return ordinal, flags


def _positions(batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the names of positions stand: character, sentence, slot of the card that lies there."""
    found = []
    for number, reading in enumerate(batch.readings):
        slots = {card: slot for slot, card in enumerate(batch.drawn[number])}
        first, last = batch.r_start[number], batch.r_start[number] + len(reading["content"])
        for card in reading.get("cards") or ():
            name = fold((card.get("position") or "").strip())
            if len(name) < 2:
                continue
            at = batch.text.find(name, first, last)
            while at >= 0:
                found.append((at, slots[cards.CARD_ID[card["card"]]]))
                at = batch.text.find(name, at + len(name), last)
    table = np.array(found, dtype=np.int64).reshape(-1, 2)
    sentence = batch.sentence_of(table[:, 0])
    keep = sentence >= 0
    return table[keep, 0], sentence[keep], table[keep, 1]


def _current(batch: Batch) -> np.ndarray:
    """Slot of the card last named before each sentence (or by a heading), -1 where none was yet."""
    current = np.full(batch.size, -1, dtype=np.int64)
    last, owner = -1, -1
    named_slots = [[] for _ in range(batch.size)]
    order = np.argsort(batch.m_start, kind="stable")
    slot_of = [{card: slot for slot, card in enumerate(drawn)} for drawn in batch.drawn]
    for m in order.tolist():
        s = int(batch.m_sentence[m])
        if s >= 0:
            slot = slot_of[batch.s_reading[s]].get(int(batch.m_card[m]))
            if slot is not None:
                named_slots[s].append(slot)
    for s in range(batch.size):
        if batch.s_reading[s] != owner:
            last, owner = -1, batch.s_reading[s]
        current[s] = last
        distinct = set(named_slots[s])
        if len(distinct) == 1:
            last = named_slots[s][-1]
    return current


def per_pair_max(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Greatest value of each sentence's pairs, 0 where a reading has no cards."""
    out = np.zeros(len(first) - 1)
    full = first[1:] > first[:-1]
    if len(values):
        out[full] = np.maximum.reduceat(values, first[:-1][full])
    return out


def _per_pair_sum(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return sums[first[1:]] - sums[first[:-1]]


def _before(batch: Batch, values: np.ndarray, back: int = 1) -> np.ndarray:
    """values of the sentence `back` before (after, where negative) in the same reading, 0 beyond its ends."""
    out = np.zeros_like(values)
    if back > 0:
        out[back:] = values[:-back]
        out[batch.s_index < back] = 0
    else:
        out[:back] = values[-back:]
        out[batch.s_index >= batch.s_count + back] = 0
    return out


def structure(batch: Batch, pairs: Pairs) -> tuple[np.ndarray, list[str]]:
    """(sentences, features) of what is not words, each about 0 to 1, and the features' names."""
    columns: dict[str, np.ndarray] = {}
    start, end, codes = batch.s_start, batch.s_end, batch.codes
    length = (end - start).astype(float)
    index, count = batch.s_index.astype(float), batch.s_count.astype(float)
    columns["place"] = index / np.maximum(count - 1, 1)
    columns["place_squared"] = columns["place"] ** 2
    for k in range(3):
        columns[f"from_start_{k}"] = index == k
        columns[f"from_end_{k}"] = count - 1 - index == k
    columns["late"] = count - 1 - index <= 4
    columns["early"] = index <= 4
    columns["short_reading"] = count <= 6
    for limit in (6, 10, 15, 25, 40):
        columns[f"longer_{limit}"] = length > limit

    distinct = _per_pair_sum((pairs.named > 0).astype(float), pairs.first)
    drawn_size = (pairs.first[1:] - pairs.first[:-1]).astype(float)
    undrawn = np.bincount(batch.m_sentence[batch.m_sentence >= 0], minlength=batch.size) - _per_pair_sum(
        pairs.named, pairs.first
    )
    evoked = ((pairs.named > 0) | (pairs.image >= 0.5) | (pairs.rank >= 1) | (pairs.position > 0)).astype(float)
    evoked_count = _per_pair_sum(evoked, pairs.first)
    p_current = pairs.current[pairs.p_sentence] == pairs.p_slot
    other = np.where(p_current, 0.0, pairs.image + pairs.rank + pairs.named)
    on_current = np.where(p_current, pairs.image + pairs.rank + pairs.named, 0.0)
    image_top = per_pair_max(pairs.image, pairs.first)
    columns["named_1"] = distinct == 1
    columns["named_2"] = distinct == 2
    columns["named_3"] = distinct > 2
    columns["named_all"] = (distinct == drawn_size) & (distinct > 1)
    columns["names_undrawn"] = undrawn > 0
    columns["evoked_0"] = evoked_count == 0
    columns["evoked_1"] = evoked_count == 1
    columns["evoked_2"] = evoked_count == 2
    columns["evoked_3"] = evoked_count > 2
    columns["image_top"] = np.minimum(image_top, 3) / 3
    columns["image_other"] = np.minimum(per_pair_max(other, pairs.first), 2) / 2
    columns["image_current"] = np.minimum(per_pair_max(on_current, pairs.first), 2) / 2
    columns["rank_two"] = _per_pair_sum((pairs.rank > 0).astype(float), pairs.first) > 1
    columns["position_1"] = per_pair_max(pairs.position, pairs.first) > 0
    columns["position_2"] = _per_pair_sum((pairs.position > 0).astype(float), pairs.first) > 1
    new_card = _first_named(batch, pairs)
    columns["new_card"] = new_card > 0
    columns["new_cards"] = new_card > 1
    columns["many_cards"] = drawn_size > 4
    columns["single_card"] = drawn_size == 1

    columns["advice_place"] = _advice_place(batch, pairs)
    named_so_far = _running(batch, distinct > 0)
    columns["before_first_card"] = named_so_far == 0
    columns["no_card_yet"] = pairs.current < 0
    unread = drawn_size - _running(batch, new_card)
    columns["all_cards_met"] = (unread <= 0) & (drawn_size > 0)
    total_named = _per_reading_last(batch, named_so_far)
    columns["after_last_card"] = (named_so_far == total_named) & (distinct == 0)
    columns["met_share"] = np.where(
        drawn_size > 0, np.minimum(_running(batch, new_card) / np.maximum(drawn_size, 1), 1), 0
    )

    chars_named = np.zeros(batch.size)
    inside = batch.m_sentence >= 0
    np.add.at(chars_named, batch.m_sentence[inside], (batch.m_end - batch.m_start)[inside])
    columns["card_share"] = chars_named / np.maximum(length, 1)
    columns["mostly_cards"] = columns["card_share"] > 0.4

    last = codes[end - 1]
    body_last = _last_mark(batch)
    columns["asks"] = (body_last == ord("?")) | (body_last == 0xFF1F)
    columns["exclaims"] = body_last == ord("!")
    columns["full_stop"] = body_last == ord("。")
    columns["trails_off"] = body_last == ord("…")
    columns["no_mark"] = ~np.isin(body_last, [ord(c) for c in "。!?…"])
    columns["ends_tilde"] = np.isin(last, [ord("~"), ord("～")])
    columns["ends_emoji"] = last > 0x2190
    columns["ends_emoji"] &= (last >= 0x1F000) | ((last >= 0x2190) & (last < 0x2C00))
    columns["ends_colon"] = last == ord(":")
    newline = codes == 10
    before_break = newline[np.maximum(start - 1, 0)] | (index == 0)
    after_break = newline[np.minimum(end, len(codes) - 1)]
    columns["own_line"] = before_break & after_break
    columns["line_start"] = before_break
    columns["line_end"] = after_break
    columns["own_paragraph"] = (
        (newline[np.maximum(start - 2, 0)] & before_break | (index == 0))
        & after_break
        & newline[np.minimum(end + 1, len(codes) - 1)]
    )
    columns["paragraph_start"] = (newline[np.maximum(start - 2, 0)] & before_break) | (index == 0)
    columns["paragraph_end"] = after_break & newline[np.minimum(end + 1, len(codes) - 1)]
    head = codes[start]
    columns["heading"] = head == ord("#")
    columns["list_mark"] = np.isin(head, [ord(c) for c in "-*•·☐□▪◦>"])
    columns["table"] = head == ord("|")
    columns["bracketed"] = np.isin(head, [ord(c) for c in "【[〖〔"])
    columns["quoted"] = np.isin(head, [ord(c) for c in "“\"「『'‘"])
    columns["head_digit"] = ((head >= 0x30) & (head <= 0x39)) | ((head >= 0x2460) & (head <= 0x24FF))
    columns["head_emoji"] = (head >= 0x1F000) | ((head >= 0x2190) & (head < 0x2C00))
    rest = _rest(batch)
    columns["rest_0"] = rest == 0
    columns["named_rest_0"] = (rest == 0) & (distinct > 0)
    columns["named_rest_3"] = (rest > 0) & (rest <= 3) & (distinct > 0)
    columns["named_rest_8"] = (rest > 3) & (rest <= 8) & (distinct > 0)
    columns["named_rest"] = (rest > 8) & (distinct > 0)
    columns["heading_rest"] = (
        np.isin(codes[start], [ord(c) for c in "#*【0123456789"]) & (rest > 3) & columns["own_line"]
    )
    commas = _count(batch, [ord(c) for c in ",;、"])
    columns["clauses_0"] = commas == 0
    columns["clauses_2"] = commas >= 2
    columns["clauses_4"] = commas >= 4
    columns["colon_inside"] = _count(batch, [ord(":")]) > 0
    columns["quote_inside"] = _count(batch, [ord(c) for c in '“”「」"']) > 0
    columns["dunhao_2"] = _count(batch, [ord(c) for c in "、/|·"]) >= 2
    columns["you"] = _count(batch, [ord(c) for c in "你您"]) > 0
    columns["me"] = _count(batch, [ord("我")]) > 0
    columns["he"] = _count(batch, [ord(c) for c in "他她"]) > 0
    p_start, _ = persons(batch)
    person = np.zeros(batch.size)
    at = batch.sentence_of(p_start)
    np.add.at(person, at[at >= 0], 1)
    columns["person"] = person > 0
    columns["question_overlap"] = question_overlap(batch)
    names = list(columns)
    dense = np.stack([np.asarray(columns[name], dtype=np.float64) for name in names], axis=1)
    shown = [
        names.index(n)
        for n in "named_1 named_2 evoked_0 evoked_2 own_line heading list_mark new_card asks card_share mostly_cards paragraph_start quoted person question_overlap longer_15 before_first_card you".split()
    ]
    around, around_names = [], []
    for back in (1, -1, 2, -2):
        around.append(np.stack([_before(batch, dense[:, i], back) for i in shown], axis=1))
        around_names += [f"{names[i]}@{-back}" for i in shown]
    dense = np.concatenate([dense, *around, np.ones((batch.size, 1))], axis=1)
    return dense, [*names, *around_names, "bias"]


def _rest(batch: Batch) -> np.ndarray:
    """Letters and characters of each sentence outside names of cards, orientations and the reading's positions."""
    codes = batch.codes
    letter = (codes >= 0x3400) & (codes < 0xA000) | (codes >= 97) & (codes <= 122)
    taken = np.zeros(len(codes) + 1, dtype=np.int64)
    turns = batch.found["turns"]
    places = _place_spans(batch)
    for start, end in ((batch.m_start, batch.m_end), (turns.start, turns.end), places):
        np.add.at(taken, start, 1)
        np.add.at(taken, end, -1)
    free = letter & (np.cumsum(taken)[:-1] <= 0)
    free &= ~np.isin(codes, [ord(c) for c in "正逆倒反位牌是的这张"])
    sums = np.concatenate([[0], np.cumsum(free)])
    return sums[batch.s_end] - sums[batch.s_start]


def _place_spans(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    starts, ends = [], []
    for number, reading in enumerate(batch.readings):
        first, last = int(batch.r_start[number]), int(batch.r_start[number]) + len(reading["content"])
        for name in {fold((card.get("position") or "").strip()) for card in reading.get("cards") or ()} - {""}:
            at = batch.text.find(name, first, last)
            while at >= 0:
                starts.append(at)
                ends.append(at + len(name))
                at = batch.text.find(name, at + len(name), last)
    return np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64)


def _advice_place(batch: Batch, pairs: Pairs) -> np.ndarray:
    """Whether a sentence names a card, or a place, that the spread keeps for advice."""
    words = [fold(row["word"]) for row in lexicon.read_table("pointers") if row["kind"] == "advice_place"]
    slots = np.zeros(len(pairs.p_sentence), dtype=bool)
    chosen = set()
    for number, reading in enumerate(batch.readings):
        place = {card: slot for slot, card in enumerate(batch.drawn[number])}
        for card in reading.get("cards") or ():
            position = fold(card.get("position") or "")
            if any(word in position for word in words):
                chosen.add((number, place[cards.CARD_ID[card["card"]]]))
    for pair in np.nonzero((pairs.named > 0) | (pairs.position > 0))[0].tolist():
        slots[pair] = (int(batch.s_reading[pairs.p_sentence[pair]]), int(pairs.p_slot[pair])) in chosen
    out = per_pair_max(slots.astype(float), pairs.first)
    # The place may be named in the text alone: 建议位, advice给到.
    found = batch.found["pointers"]
    table = lexicon.read_table("pointers")
    is_place = np.array([row["kind"] == "advice_place" for row in table])
    at = batch.sentence_of(found.start[is_place[found.phrase]])
    out[at[at >= 0]] = 1
    return out


def _count(batch: Batch, wanted: list[int]) -> np.ndarray:
    sums = np.concatenate([[0], np.cumsum(np.isin(batch.codes, wanted))])
    return (sums[batch.s_end] - sums[batch.s_start]).astype(float)


def _last_mark(batch: Batch) -> np.ndarray:
    """The last of `。!?…` among each sentence's last eight characters, else its last character."""
    codes, end = batch.codes, batch.s_end
    found = codes[end - 1].copy()
    done = np.isin(found, [ord(c) for c in "。!?…"])
    for back in range(2, 9):
        at = end - back
        mark = codes[np.maximum(at, 0)]
        hit = ~done & (at >= batch.s_start) & np.isin(mark, [ord(c) for c in "。!?…"])
        found = np.where(hit, mark, found)
        done |= hit
    return found


def _running(batch: Batch, values: np.ndarray) -> np.ndarray:
    """Sum of values up to and including each sentence, within its reading."""
    sums = np.cumsum(values.astype(float))
    first = np.arange(batch.size) - batch.s_index
    return sums - np.where(first > 0, sums[np.maximum(first - 1, 0)], 0.0)


def _per_reading_last(batch: Batch, values: np.ndarray) -> np.ndarray:
    last = np.arange(batch.size) - batch.s_index + batch.s_count - 1
    return values[last]


def _first_named(batch: Batch, pairs: Pairs) -> np.ndarray:
    """How many drawn cards each sentence names for the first time."""
    out = np.zeros(batch.size)
    met: set[tuple[int, int]] = set()
    for pair in np.nonzero(pairs.named > 0)[0].tolist():
        sentence = int(pairs.p_sentence[pair])
        key = (int(batch.s_reading[sentence]), int(pairs.p_slot[pair]))
        if key not in met:
            met.add(key)
            out[sentence] += 1
    return out


def question_overlap(batch: Batch) -> np.ndarray:
    """Share of each sentence's character pairs that the question has too."""
    out = np.zeros(batch.size)
    asked = [fold(reading.get("question") or "") for reading in batch.readings]
    grams = [{q[i : i + 2] for i in range(len(q) - 1)} for q in asked]
    keys = np.array(
        sorted({(number << 42) | (ord(g[0]) << 21) | ord(g[1]) for number, gs in enumerate(grams) for g in gs}),
        dtype=np.int64,
    )
    if not len(keys) or not batch.size:
        return out
    codes = batch.codes.astype(np.int64)
    position = np.arange(len(codes) - 1)
    sentence = np.searchsorted(batch.s_start, position, side="right") - 1
    inside = (sentence >= 0) & (position + 1 < batch.s_end[np.maximum(sentence, 0)])
    position, sentence = position[inside], sentence[inside]
    wanted = (batch.s_reading[sentence] << 42) | (codes[position] << 21) | codes[position + 1]
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    hit = keys[place] == wanted
    np.add.at(out, sentence[hit], 1.0)
    return np.minimum(out / np.maximum(batch.s_end - batch.s_start - 1, 4) * 2, 1)
