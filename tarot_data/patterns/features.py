"""Features of the sentences of a batch, as numpy arrays.

Three kinds: hashed n-grams of characters, in which every card name is one sign and every orientation one sign, so that
78 names and two scripts look alike; cue phrases of the lexicon (`cues`); and structure (place in the reading, marks,
drawn cards a sentence speaks of).
"""

from collections.abc import Sequence

import numpy as np

from schemas.deck import CARDS
from tarot_data import lexicon
from tarot_data.patterns import cues
from tarot_data.patterns.batch import Batch, find_names
from tarot_data.patterns.card_evidence import Pairs, per_pair_max, per_pair_sum
from tarot_data.patterns.cues import CARD_SIGN, PERSON_SIGN, TURN_SIGN
from tarot_data.patterns.vocabulary import code_bits, code_table, marks, vocabulary
from tarot_data.text import phrase_matcher
from tarot_data.text.normalise import fold

BUCKETS = 1 << 20

START, END = 1, 2
"""Code points around each sentence."""


def encode(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Encode the sentences in a row, each between START and END: code points, and the sentence of each.

    Cards, orientations, persons and digits are one sign each; spaces are left out.
    """
    codes, sentence = _signs(batch)
    count = np.bincount(sentence, minlength=batch.size)
    padded = np.empty(len(codes) + 2 * batch.size, dtype=np.uint32)
    padded[np.arange(len(codes)) + 2 * sentence + 1] = codes
    first = np.cumsum(count + 2) - (count + 2)
    padded[first], padded[first + count + 1] = START, END
    return padded, np.repeat(np.arange(batch.size), count + 2)


def _signs(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    codes = _standard()[batch.codes]
    keep = batch.owner[:-1] >= 0
    keep &= codes != 0x20
    codes[(codes >= 0x30) & (codes <= 0x39)] = ord("0")
    turns = batch.found["turns"]
    chosen = phrase_matcher.longest(turns)
    _replace(codes, keep, turns.start[chosen], turns.end[chosen], ord(TURN_SIGN))
    p_start, p_end = batch.persons
    _replace(codes, keep, p_start, p_end, ord(PERSON_SIGN))
    _replace(codes, keep, batch.m_start, batch.m_end, ord(CARD_SIGN))
    return codes[keep], batch.owner[:-1][keep]


@lexicon.cached
def _standard() -> np.ndarray:
    """Return for every code point the one that n-grams and cues have in its place (`dialect`)."""
    table = np.arange(0x110000, dtype=np.uint32)
    table[list(cues.dialect())] = list(cues.dialect().values())
    return table


def _replace(codes, keep, start, end, sign) -> None:
    keep[phrase_matcher.inside(start + 1, end)] = False
    codes[start] = sign


_MULTIPLIER = np.uint32(2654435761)


def head_and_tail(
    padded: np.ndarray, owner: np.ndarray, sentence: np.ndarray, place: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mark the places before their sentence's first comma and those after its last; none without a comma."""
    commas = np.nonzero(_is_one_of(padded, ",;:→"))[0]
    first = np.full(int(owner[-1]) + 1 if len(owner) else 0, -1)
    last = first.copy()
    first[owner[commas][::-1]] = commas[::-1]
    last[owner[commas]] = commas
    return (first[sentence] >= 0) & (place < first[sentence]), (last[sentence] >= 0) & (place > last[sentence])


def ngrams(padded: np.ndarray, owner: np.ndarray, longest: int = 4) -> list[tuple[np.ndarray, np.ndarray]]:
    """Hash the n-grams: for each length from 1 to `longest` signs int32 arrays (sentence, bucket), by sentence.

    The sentence's start and end are signs too."""
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


def before(batch: Batch, values: np.ndarray, back: int = 1) -> np.ndarray:
    """Take the values of the sentence `back` before (negative: after) in the same reading, 0 beyond its ends."""
    out = np.zeros_like(values)
    if back > 0:
        out[back:] = values[:-back]
        out[batch.s_index < back] = 0
    else:
        out[:back] = values[-back:]
        out[batch.s_index >= batch.s_count + back] = 0
    return out


STEPS = 6
"""Kinds of transitions: on the same line, to the next line or after a blank line, each without or with a new card."""


def steps(batch: Batch, new_card: np.ndarray) -> np.ndarray:
    """Return the kind of the transition to each sentence, from the one before: below STEPS."""
    before = np.concatenate([[0], batch.s_end[:-1]])[: batch.size]
    breaks = np.concatenate([[0], np.cumsum(batch.codes == 10)])
    lines = np.minimum(breaks[batch.s_start] - breaks[before], 2)
    return lines + 3 * (new_card > 0)


Columns = dict[str, np.ndarray]
"""Features by name, one value a sentence each, about 0 to 1."""

CONTEXT = (
    "named_1", "named_2", "evoked_0", "evoked_2", "own_line", "heading", "list_mark", "new_card", "asks", "card_share",
    "mostly_cards", "paragraph_start", "quoted", "person", "question_overlap", "longer_15", "before_first_card", "you",
)  # fmt: skip
"""Features that a sentence also has of the two sentences before and the two after it (`asks@-1`, `asks@2`)."""


def structure(batch: Batch, pairs: Pairs) -> tuple[list[np.ndarray], list[str]]:
    """Compute the features that are not words.

    Returns blocks of shape (sentences, features), in float, and the features' names in the same order. The blocks are
    not concatenated yet: the caller adds more of them and copies all only once.
    """
    distinct = per_pair_sum(pairs.named > 0, pairs.first)
    lines = _lines(batch)
    columns = {
        **_place(batch),
        **_cards_mentioned(batch, pairs, distinct),
        **_cards_so_far(batch, pairs, distinct),
        **_card_share(batch),
        **_last_character(batch),
        **lines,
        **_first_character(batch),
        **_letters_left(batch, distinct, lines["own_line"]),
        **_clauses_and_persons(batch),
    }
    names = list(columns)
    dense = np.empty((batch.size, len(names)), dtype=np.float32)
    for number, name in enumerate(names):
        dense[:, number] = columns[name]
    context = dense[:, [names.index(name) for name in CONTEXT]]
    blocks = [dense]
    for back in (1, -1, 2, -2):
        blocks.append(before(batch, context, back))
        names += [f"{name}@{-back}" for name in CONTEXT]
    blocks.append(whole(batch, dense[:, [names.index(name) for name in WHOLE]]))
    names += [f"{name}@all" for name in WHOLE]
    return [*blocks, np.ones((batch.size, 1))], [*names, "bias"]


WHOLE = (
    "asks", "own_line", "named_1", "named_2", "evoked_0", "card_share", "you", "me", "colon_inside", "list_mark",
    "longer_25", "longer_10", "paragraph_start",
)  # fmt: skip
"""Features that a sentence also has as the mean of its reading: they show the reader's habits."""


def whole(batch: Batch, values: np.ndarray) -> np.ndarray:
    """Take the mean of the values over each reading."""
    starts = np.nonzero(batch.s_index == 0)[0]
    if not len(starts):
        return values
    counts = batch.s_count[starts]
    means = np.add.reduceat(values, starts) / counts[:, None]
    return np.repeat(means, counts, axis=0)


def _place(batch: Batch) -> Columns:
    """Compute place in the reading and length of each sentence."""
    index, count = batch.s_index, batch.s_count
    from_end = count - 1 - index
    place = index / np.maximum(count - 1, 1)
    columns = {"place": place, "place_squared": place**2}
    for k in range(3):
        columns[f"from_start_{k}"] = index == k
        columns[f"from_end_{k}"] = from_end == k
    columns |= {"late": from_end <= 4, "early": index <= 4, "short_reading": count <= 6}
    length = batch.s_end - batch.s_start
    return columns | {f"longer_{limit}": length > limit for limit in (6, 10, 15, 25, 40)}


def _cards_mentioned(batch: Batch, pairs: Pairs, distinct: np.ndarray) -> Columns:
    """Count the cards each sentence names or evokes. distinct: number of different drawn cards it names."""
    first, drawn = pairs.first, np.diff(pairs.first)
    undrawn = np.bincount(batch.m_sentence[batch.m_sentence >= 0], minlength=batch.size) - per_pair_sum(
        pairs.named, first
    )
    evoked = per_pair_sum((pairs.named > 0) | (pairs.image >= 0.5) | (pairs.rank >= 1) | (pairs.position > 0), first)
    is_current = pairs.current[pairs.p_sentence] == pairs.p_slot
    strength = pairs.image + pairs.rank + pairs.named
    placed = per_pair_sum(pairs.position > 0, first)
    return {
        "named_1": distinct == 1,
        "named_2": distinct == 2,
        "named_3": distinct > 2,
        "named_all": (distinct == drawn) & (distinct > 1),
        "names_undrawn": undrawn > 0,
        "evoked_0": evoked == 0,
        "evoked_1": evoked == 1,
        "evoked_2": evoked == 2,
        "evoked_3": evoked > 2,
        "image_top": np.minimum(per_pair_max(pairs.image, first), 3) / 3,
        "image_other": np.minimum(per_pair_max(np.where(is_current, 0.0, strength), first), 2) / 2,
        "image_current": np.minimum(per_pair_max(np.where(is_current, strength, 0.0), first), 2) / 2,
        "rank_two": per_pair_sum(pairs.rank > 0, first) > 1,
        "position_1": placed > 0,
        "position_2": placed > 1,
    }


def _cards_so_far(batch: Batch, pairs: Pairs, distinct: np.ndarray) -> Columns:
    """Count the drawn cards named up to each sentence, and those still to come."""
    drawn = np.diff(pairs.first)
    new = _first_named(batch, pairs)
    met, named = running(batch, new), running(batch, distinct > 0)
    return {
        "new_card": new > 0,
        "new_cards": new > 1,
        "many_cards": drawn > 4,
        "single_card": drawn == 1,
        "advice_place": _advice_place(batch, pairs),
        "before_first_card": named == 0,
        "no_card_yet": pairs.current < 0,
        "all_cards_met": (drawn <= met) & (drawn > 0),
        "after_last_card": (named == named[batch.s_count - 1 - batch.s_index + np.arange(batch.size)])
        & (distinct == 0),
        "met_share": np.where(drawn > 0, np.minimum(met / np.maximum(drawn, 1), 1), 0),
    }


def _card_share(batch: Batch) -> Columns:
    """Compute the share of each sentence's characters that are names of cards."""
    inside = batch.m_sentence >= 0
    named = np.bincount(batch.m_sentence[inside], weights=(batch.m_end - batch.m_start)[inside], minlength=batch.size)
    share = named / np.maximum(batch.s_end - batch.s_start, 1)
    return {"card_share": share, "mostly_cards": share > 0.4}


END_MARKS = "。!?…"


def _last_character(batch: Batch) -> Columns:
    """Find the mark each sentence ends in; emoji, tildes and brackets may follow it."""
    last, mark = batch.codes[batch.s_end - 1], _last_mark(batch)
    return {
        "asks": _is_one_of(mark, "?？"),
        "exclaims": mark == ord("!"),
        "full_stop": mark == ord("。"),
        "trails_off": mark == ord("…"),
        "no_mark": ~_is_one_of(mark, END_MARKS),
        "ends_tilde": _is_one_of(last, "~～"),
        "ends_emoji": (last > 0x2190) & _is_emoji(last),
        "ends_colon": last == ord(":"),
    }


def _lines(batch: Batch) -> Columns:
    """Mark the sentences that begin or end a line or a paragraph."""
    newline, start, end = batch.codes == 10, batch.s_start, batch.s_end
    final = len(newline) - 1
    begins = newline[np.maximum(start - 1, 0)] | (batch.s_index == 0)
    ends_line = newline[np.minimum(end, final)]
    begins_paragraph = (newline[np.maximum(start - 2, 0)] & begins) | (batch.s_index == 0)
    ends_paragraph = ends_line & newline[np.minimum(end + 1, final)]
    return {
        "own_line": begins & ends_line,
        "line_start": begins,
        "line_end": ends_line,
        "own_paragraph": begins_paragraph & ends_paragraph,
        "paragraph_start": begins_paragraph,
        "paragraph_end": ends_paragraph,
    }


def _first_character(batch: Batch) -> Columns:
    """Find the kind of character each sentence begins with."""
    head = batch.codes[batch.s_start]
    return {
        "heading": head == ord("#"),
        "list_mark": _is_one_of(head, "-*•·☐□▪◦>"),
        "table": head == ord("|"),
        "bracketed": _is_one_of(head, "【[〖〔"),
        "quoted": _is_one_of(head, "“\"「『'‘"),
        "head_digit": ((head >= 0x30) & (head <= 0x39)) | ((head >= 0x2460) & (head <= 0x24FF)),
        "head_emoji": _is_emoji(head),
    }


def _letters_left(batch: Batch, distinct: np.ndarray, own_line: np.ndarray) -> Columns:
    """Measure how much of each sentence is left without its cards, orientations and positions."""
    rest, named = _rest(batch), distinct > 0
    return {
        "rest_0": rest == 0,
        "named_rest_0": (rest == 0) & named,
        "named_rest_3": (rest > 0) & (rest <= 3) & named,
        "named_rest_8": (rest > 3) & (rest <= 8) & named,
        "named_rest": (rest > 8) & named,
        "heading_rest": _is_one_of(batch.codes[batch.s_start], "#*【0123456789") & (rest > 3) & own_line,
    }


def _clauses_and_persons(batch: Batch) -> Columns:
    """Count commas, colons and quotes inside each sentence, the persons it speaks of, and its overlap with the
    question."""
    sets = (",;、", ":", '“”「」"', "、/|·", marks("you"), marks("me"), marks("other"))
    commas, colons, quotes, lists, you, me, others = _counts(batch, sets)
    person = batch.sentence_of(batch.persons[0])
    return {
        "clauses_0": commas == 0,
        "clauses_2": commas >= 2,
        "clauses_4": commas >= 4,
        "colon_inside": colons > 0,
        "quote_inside": quotes > 0,
        "dunhao_2": lists >= 2,
        "you": you > 0,
        "me": me > 0,
        "he": others > 0,
        "person": np.bincount(person[person >= 0], minlength=batch.size) > 0,
        "question_overlap": question_overlap(batch),
    }


def _is_one_of(codes: np.ndarray, characters: str) -> np.ndarray:
    return np.isin(codes, [ord(character) for character in characters])


def _is_emoji(codes: np.ndarray) -> np.ndarray:
    return (codes >= 0x1F000) | ((codes >= 0x2190) & (codes < 0x2C00))


def _rest(batch: Batch) -> np.ndarray:
    """Count each sentence's letters outside names of cards, orientations and the reading's positions."""
    free = _letters()[batch.codes]
    turns = batch.found["turns"]
    positions = find_names(batch, [list({name for name, _ in mine}) for mine in batch.positions])[:2]
    for start, end in ((batch.m_start, batch.m_end), (turns.start, turns.end), positions):
        free[phrase_matcher.inside(start, end)] = False
    at = batch.owner[:-1][free]
    return np.bincount(at[at >= 0], minlength=batch.size)


@lexicon.cached
def _letters() -> np.ndarray:
    """Mark the code points that `_rest` counts: Chinese and Latin letters, except those that come with a card's name."""
    table = np.zeros(0x110000, dtype=bool)
    table[0x3400:0xA000] = table[97:123] = True
    return table & ~code_table(marks("around_card"))


def _advice_place(batch: Batch, pairs: Pairs) -> np.ndarray:
    """Mark the sentences that name a card at a position for advice, or such a position itself."""
    words = [fold(row["word"]) for row in lexicon.read_table("pointers") if row["kind"] == "advice_place"]
    chosen = np.zeros((len(batch.readings), len(CARDS)), dtype=bool)
    named = {position for mine in batch.positions for position, _ in mine}
    advised = {position for position in named if any(word in position for word in words)}
    for number, mine in enumerate(batch.positions):
        chosen[number, [slot for position, slot in mine if position in advised]] = True
    spoken = (pairs.named > 0) | (pairs.position > 0)
    slots = spoken & chosen[batch.s_reading[pairs.p_sentence], pairs.p_slot]
    out = per_pair_max(slots.astype(float), pairs.first)
    # The position may be named in the text only: 建议位, advice给到.
    found = batch.found["pointers"]
    is_place = np.isin(vocabulary()["pointers"], words)
    at = batch.sentence_of(found.start[is_place[found.phrase]])
    out[at[at >= 0]] = 1
    return out


def _counts(batch: Batch, sets: Sequence[str]) -> list[np.ndarray]:
    """Count the characters of each set in each sentence; all sets at once, because most characters are in none."""
    bits = code_bits(*sets)[batch.codes]
    places = np.nonzero(bits)[0]
    places = places[batch.sentence_of(places) >= 0]
    sentence, bits = batch.sentence_of(places), bits[places]
    return [np.bincount(sentence[bits >> bit & 1 > 0], minlength=batch.size) for bit in range(len(sets))]


def _last_mark(batch: Batch) -> np.ndarray:
    """Find the last of END_MARKS among each sentence's last eight characters, else its last character."""
    codes, end = batch.codes, batch.s_end
    found = codes[end - 1].copy()
    done = _is_one_of(found, END_MARKS)
    for back in range(2, 9):
        at = end - back
        mark = codes[np.maximum(at, 0)]
        hit = ~done & (at >= batch.s_start) & _is_one_of(mark, END_MARKS)
        found = np.where(hit, mark, found)
        done |= hit
    return found


def running(batch: Batch, values: np.ndarray) -> np.ndarray:
    """Sum values, one or a row a sentence, up to and including each sentence, within its reading."""
    sums = np.cumsum(values.astype(float), axis=0)
    earlier = np.concatenate([np.zeros((1, *sums.shape[1:])), sums])
    return sums - earlier[np.arange(batch.size) - batch.s_index]


def _first_named(batch: Batch, pairs: Pairs) -> np.ndarray:
    """Count the drawn cards that each sentence is the first to name."""
    named = np.nonzero(pairs.named > 0)[0]
    sentence = pairs.p_sentence[named]
    _, first = np.unique(batch.s_reading[sentence] * len(CARDS) + pairs.p_slot[named], return_index=True)
    return np.bincount(sentence[first], minlength=batch.size)


def _rough(reading: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Hash a reading's pair of characters to 20 bits."""
    mixed = (reading.astype(np.uint32) * _MULTIPLIER) ^ (first.astype(np.uint32) * np.uint32(0x85EBCA6B))
    mixed = (mixed ^ second.astype(np.uint32)) * _MULTIPLIER
    return mixed >> np.uint32(12)


def question_overlap(batch: Batch) -> np.ndarray:
    """Compute the share of each sentence's character pairs that the question has too."""
    out = np.zeros(batch.size)
    asked = [fold(reading.get("question") or "") for reading in batch.readings]
    lengths = np.array([len(question) for question in asked], dtype=np.int64)
    written = np.frombuffer("".join(asked).encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
    of = np.repeat(np.arange(len(asked)), lengths)
    inside = of[1:] == of[:-1]
    keys = np.unique(((of[:-1] << 42) | (written[:-1] << 21) | written[1:])[inside])
    if not len(keys) or not batch.size:
        return out
    # A small table of hashes rules out most pairs; only one in twenty has to be looked up.
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
