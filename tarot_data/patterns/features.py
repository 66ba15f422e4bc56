"""What the labeller looks at in a sentence, for a whole batch of readings at once, as numpy arrays.

Three kinds: hashed n-grams of characters in which every card name is one sign 〈牌〉 and every orientation one sign
〈位〉, so that 78 names and two scripts look alike; cue phrases of the lexicon; and structure (place in the reading, marks,
which drawn cards a sentence speaks of).
"""

from functools import cache

import numpy as np

from schemas.deck import CARDS
from tarot_data import lexicon
from tarot_data.patterns.batch import Batch, standing
from tarot_data.patterns.card_evidence import Pairs, per_pair_max, per_pair_sum
from tarot_data.patterns.vocabulary import vocabulary
from tarot_data.text import phrase_matcher
from tarot_data.text.normalise import fold

CARD_SIGN, TURN_SIGN, PERSON_SIGN, DIGIT_SIGN = 0xE000, 0xE001, 0xE002, 0x30
BUCKETS = 1 << 20


def signed_codes(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Code points of all sentences with cards, orientations, persons and digits as one sign each; sentence of each."""
    codes = batch.codes.copy()
    keep = batch.owner[:-1] >= 0
    keep &= codes != 0x20
    codes[(codes >= 0x30) & (codes <= 0x39)] = DIGIT_SIGN
    turns = batch.found["turns"]
    chosen = phrase_matcher.longest(turns)
    _replace(codes, keep, turns.start[chosen], turns.end[chosen], TURN_SIGN)
    p_start, p_end = batch.persons
    _replace(codes, keep, p_start, p_end, PERSON_SIGN)
    _replace(codes, keep, batch.m_start, batch.m_end, CARD_SIGN)
    return codes[keep], batch.owner[:-1][keep]


def _replace(codes, keep, start, end, sign) -> None:
    keep[phrase_matcher.inside(start + 1, end)] = False
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


def ngrams(padded: np.ndarray, owner: np.ndarray, longest: int = 4) -> list[tuple[np.ndarray, np.ndarray]]:
    """(sentence, bucket) of every n-gram, one pair of int32 arrays a length from 1 to `longest` signs, in the order of
    sentences; the sentence's start and end are signs too."""
    grams = []
    rolling = np.zeros(len(padded), dtype=np.uint32)
    owner = owner.astype(np.int32)
    for size in range(1, longest + 1):
        shifted = padded[size - 1 :]
        rolling = (rolling[: len(shifted)] ^ shifted) * _MULTIPLIER
        rolling ^= rolling >> np.uint32(15)
        valid = owner[: len(shifted)] == owner[size - 1 :]
        buckets = ((rolling + np.uint32(size * 7919)) & np.uint32(BUCKETS - 1))[valid]
        grams.append((owner[: len(shifted)][valid], buckets.view(np.int32)))
    return grams


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


def structure(batch: Batch, pairs: Pairs) -> tuple[list[np.ndarray], list[str]]:
    """What is not words, each about 0 to 1, as blocks of (sentences, features) that belong side by side, and the
    features' names. Not yet put together: whoever adds to them copies them once."""
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

    distinct = per_pair_sum((pairs.named > 0).astype(float), pairs.first)
    drawn_size = (pairs.first[1:] - pairs.first[:-1]).astype(float)
    undrawn = np.bincount(batch.m_sentence[batch.m_sentence >= 0], minlength=batch.size) - per_pair_sum(
        pairs.named, pairs.first
    )
    evoked = ((pairs.named > 0) | (pairs.image >= 0.5) | (pairs.rank >= 1) | (pairs.position > 0)).astype(float)
    evoked_count = per_pair_sum(evoked, pairs.first)
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
    columns["rank_two"] = per_pair_sum((pairs.rank > 0).astype(float), pairs.first) > 1
    columns["position_1"] = per_pair_max(pairs.position, pairs.first) > 0
    columns["position_2"] = per_pair_sum((pairs.position > 0).astype(float), pairs.first) > 1
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
    p_start, _ = batch.persons
    person = np.zeros(batch.size)
    at = batch.sentence_of(p_start)
    np.add.at(person, at[at >= 0], 1)
    columns["person"] = person > 0
    columns["question_overlap"] = question_overlap(batch)
    names = list(columns)
    dense = np.empty((batch.size, len(names)))
    for number, name in enumerate(names):
        dense[:, number] = columns[name]
    shown = [
        names.index(n)
        for n in "named_1 named_2 evoked_0 evoked_2 own_line heading list_mark new_card asks card_share mostly_cards paragraph_start quoted person question_overlap longer_15 before_first_card you".split()
    ]
    mine = dense[:, shown]
    around, around_names = [], []
    for back in (1, -1, 2, -2):
        around.append(_before(batch, mine, back))
        around_names += [f"{names[i]}@{-back}" for i in shown]
    return [dense, *around, np.ones((batch.size, 1))], [*names, *around_names, "bias"]


def _rest(batch: Batch) -> np.ndarray:
    """Letters and characters of each sentence outside names of cards, orientations and the reading's positions."""
    codes = batch.codes
    free = _letters()[codes]
    turns = batch.found["turns"]
    places = _place_spans(batch)
    for start, end in ((batch.m_start, batch.m_end), (turns.start, turns.end), places):
        free[phrase_matcher.inside(start, end)] = False
    at = batch.owner[:-1][free]
    return np.bincount(at[at >= 0], minlength=batch.size)


@cache
def _letters() -> np.ndarray:
    """Of every code point, whether `_rest` counts it: Chinese and Latin letters but those that come with a card's name."""
    table = np.zeros(0x110000, dtype=bool)
    table[0x3400:0xA000] = table[97:123] = True
    table[[ord(c) for c in "正逆倒反位牌是的这张"]] = False
    return table


def _place_spans(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    return standing(batch, [list({name for name, _ in mine}) for mine in batch.positions])[:2]


def _advice_place(batch: Batch, pairs: Pairs) -> np.ndarray:
    """Whether a sentence names a card, or a place, that the spread keeps for advice."""
    words = [fold(row["word"]) for row in lexicon.read_table("pointers") if row["kind"] == "advice_place"]
    slots = np.zeros(len(pairs.p_sentence), dtype=bool)
    chosen = {
        (number, slot)
        for number, mine in enumerate(batch.positions)
        for position, slot in mine
        if position and any(word in position for word in words)
    }
    spoken = np.nonzero((pairs.named > 0) | (pairs.position > 0))[0]
    reading, slot = batch.s_reading[pairs.p_sentence[spoken]].tolist(), pairs.p_slot[spoken].tolist()
    slots[spoken] = [pair in chosen for pair in zip(reading, slot, strict=True)]
    out = per_pair_max(slots.astype(float), pairs.first)
    # The place may be named in the text alone: 建议位, advice给到.
    found = batch.found["pointers"]
    is_place = np.isin(vocabulary()["pointers"], words)
    at = batch.sentence_of(found.start[is_place[found.phrase]])
    out[at[at >= 0]] = 1
    return out


def _count(batch: Batch, wanted: list[int]) -> np.ndarray:
    at = batch.sentence_of(np.nonzero(_members(tuple(wanted))[batch.codes])[0])
    return np.bincount(at[at >= 0], minlength=batch.size).astype(float)


@cache
def _members(codes: tuple[int, ...]) -> np.ndarray:
    """Of every code point, whether it is one of these: `np.isin` without the search."""
    table = np.zeros(0x110000, dtype=bool)
    table[list(codes)] = True
    return table


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
    named = np.nonzero(pairs.named > 0)[0]
    sentences_ = pairs.p_sentence[named]
    key = batch.s_reading[sentences_] * len(CARDS) + pairs.p_slot[named]
    _, first = np.unique(key, return_index=True)
    return np.bincount(sentences_[first], minlength=batch.size).astype(float)


def _rough(reading: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A hash of 20 bits of a reading's pair of characters."""
    mixed = (reading.astype(np.uint32) * _MULTIPLIER) ^ (first.astype(np.uint32) * np.uint32(0x85EBCA6B))
    mixed = (mixed ^ second.astype(np.uint32)) * _MULTIPLIER
    return mixed >> np.uint32(12)


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
    # A pair's hash tells in a small table whether it can be asked at all; only one in twenty need be looked up.
    rough = np.zeros(1 << 20, dtype=bool)
    rough[_rough(keys >> 42, (keys >> 21) & 0x1FFFFF, keys & 0x1FFFFF)] = True
    codes, owner = batch.codes, batch.owner[:-1]
    number = np.repeat(np.arange(len(batch.readings)), np.diff([*batch.r_start, len(codes)]))
    maybe = rough[_rough(number[:-1], codes[:-1], codes[1:])]
    position = np.nonzero(maybe & (owner[:-1] >= 0) & (owner[:-1] == owner[1:]))[0]
    sentence = owner[position]
    wanted = (batch.s_reading[sentence] << 42) | (codes[position].astype(np.int64) << 21) | codes[position + 1]
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    hit = keys[place] == wanted
    np.add.at(out, sentence[hit], 1.0)
    return np.minimum(out / np.maximum(batch.s_end - batch.s_start - 1, 4) * 2, 1)
