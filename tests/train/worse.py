"""Deliberately degraded copies of a human reading, each in one way. The words used here are not those of the scores."""

import re
from inspect import signature
from pathlib import Path
from random import Random
from typing import NamedTuple

from benchmarks.fit_scores import by_unseen_writers
from schemas.deck import CARDS
from tarot_data.patterns import gold, train
from tarot_data.patterns import model as labeller
from tarot_data.patterns.annotate_records import annotate_records
from tarot_train.scores import score

VAGUE = (
    "对自己好一点。",
    "凡事往好的方面想。",
    "跟着感觉走就好。",
    "不用太担心，会好起来的。",
    "保持耐心，继续前行。",
    "好好感受生活的美好。",
    "给自己多一些鼓励和肯定。",
)
"""Advice that nobody can follow."""

FILLER = (
    "塔罗是一门古老的智慧，陪伴人们走过了很多年。",
    "生活总有高低起伏，这是很自然的事情。",
    "世界上没有两片相同的叶子。",
    "我们常常在忙碌中忘记了停下来看看。",
    "有人说时间是最好的答案，这话不无道理。",
    "能量一直在流动，万事万物都在变化之中。",
    "每一天都是新的一天，太阳照常升起。",
    "相遇都是一种奇妙的安排。",
)
"""Sentences that fit any reading and are specific to none."""

TERMS = re.compile(
    "正位|逆位|正立|倒立|逆|大阿卡纳|小阿卡纳|大牌|小牌|宫廷牌|牌阵|牌面|这张牌|那张牌|张牌|牌|"
    "权杖|圣杯|宝剑|星币|钱币|金币|權杖|聖杯|寶劍|星幣|錢幣|元素|花色"
)

FLIP = {"正位": "逆位", "逆位": "正位", "正立": "倒立", "倒立": "正立", "正着": "倒着", "倒着": "正着"}
FLIP |= {"（正）": "（逆）", "（逆）": "（正）", "(正)": "(逆)", "(逆)": "(正)", "倒过来": "正过来", "颠倒": "正立"}


def rebuilt(reading: dict, order: list[int]) -> str:
    """Return the content with only these sentences, in this order, each with the break that followed it."""
    sentences, content = reading["sentences"], reading["content"]
    parts = []
    for i in order:
        end = sentences[i + 1]["start"] if i + 1 < len(sentences) else len(content)
        parts.append((sentences[i]["text"], content[sentences[i]["end"] : end] or ""))
    text = "".join(sentence + gap for sentence, gap in parts)
    return text.strip()


def without(reading: dict, label: str) -> str:
    return rebuilt(reading, [i for i, s in enumerate(reading["sentences"]) if label not in s["labels"]])


def links_removed(reading: dict, chance: Random) -> dict:
    return {"content": without(reading, "card_link")}


def person_removed(reading: dict, chance: Random) -> dict:
    """Remove the openings that restate the question, and the person's name everywhere."""
    question = {reading["question"][i : i + 2] for i in range(len(reading.get("question") or "") - 1)}
    keep = [
        i
        for i, s in enumerate(reading["sentences"])
        if not ("opening" in s["labels"] and any(pair in s["text"] for pair in question))
    ]
    content = rebuilt(reading, keep)
    return {"content": content.replace(reading["person"], "") if reading.get("person") else content}


def shuffled(reading: dict, chance: Random) -> dict:
    order = list(range(len(reading["sentences"])))
    chance.shuffle(order)
    return {"content": rebuilt(reading, order)}


def looped(reading: dict, chance: Random) -> dict:
    """Repeat a run of three sentences three more times, like a model in a loop."""
    count = len(reading["sentences"])
    start = chance.randrange(max(1, count - 3))
    piece = list(range(start, min(count, start + 3)))
    return {"content": rebuilt(reading, list(range(piece[-1] + 1)) + piece * 3 + list(range(piece[-1] + 1, count)))}


def terms_removed(reading: dict, chance: Random, mentions: list[dict]) -> dict:
    content = reading["content"]
    for mention in sorted(mentions, key=lambda m: -m["start"]):
        content = content[: mention["start"]] + content[mention["end"] :]
    return {"content": TERMS.sub("", content)}


def advice_removed(reading: dict, chance: Random) -> dict:
    return {"content": without(reading, "advice")}


def advice_vague(reading: dict, chance: Random) -> dict:
    sentences = [
        {**s, "text": chance.choice(VAGUE)}
        if "advice" in s["labels"] and "card_interpretation" not in s["labels"]
        else s
        for s in reading["sentences"]
    ]
    return {"content": rebuilt({**reading, "sentences": sentences}, list(range(len(sentences))))}


def cards_swapped(reading: dict, chance: Random, mentions: list[dict], deck: list[str]) -> dict:
    """Replace the card names in the text by names of cards that were not drawn."""
    here = {card["card"] for card in reading["cards"]}
    others = [card for card in deck if card not in here]
    chance.shuffle(others)
    new = dict(zip(sorted(here), others, strict=False))
    content = reading["content"]
    for mention in sorted(mentions, key=lambda m: -m["start"]):
        if mention["card"] in new:
            content = content[: mention["start"]] + new[mention["card"]] + content[mention["end"] :]
    return {"content": content}


def orientations_swapped(reading: dict, chance: Random) -> dict:
    """Reverse the orientation in every interpretation that states it."""
    pattern = re.compile("|".join(map(re.escape, FLIP)))
    sentences = [
        {**s, "text": pattern.sub(lambda match: FLIP[match.group()], s["text"])}
        if "card_interpretation" in s["labels"]
        else s
        for s in reading["sentences"]
    ]
    return {"content": rebuilt({**reading, "sentences": sentences}, list(range(len(sentences))))}


def other_cards_drawn(reading: dict, chance: Random, deck: list[str]) -> dict:
    """Keep the text and replace every card of the draw by another one."""
    here = {card["card"] for card in reading["cards"]}
    others = [card for card in deck if card not in here]
    chance.shuffle(others)
    return {"cards": [{**card, "card": other} for card, other in zip(reading["cards"], others, strict=False)]}


def filled(reading: dict, chance: Random) -> dict:
    """Add filler after every third sentence."""
    sentences = []
    for i, s in enumerate(reading["sentences"]):
        text = s["text"] + chance.choice(FILLER) if i % 3 == 2 else s["text"]
        sentences.append({**s, "text": text})
    return {"content": rebuilt({**reading, "sentences": sentences}, list(range(len(sentences))))}


def cut_short(reading: dict, chance: Random) -> dict:
    return {"content": reading["content"][: round(len(reading["content"]) * chance.uniform(0.35, 0.75))]}


def cut_after_a_sentence(reading: dict, chance: Random) -> dict:
    """Keep the first half of the sentences."""
    return {"content": rebuilt(reading, list(range(len(reading["sentences"]) // 2)))}


def end_repeated(reading: dict, chance: Random) -> dict:
    """Repeat the last sentence but one ten times at the end."""
    count = len(reading["sentences"])
    return {"content": rebuilt(reading, list(range(count)) + [max(0, count - 2)] * 10)}


def padded(reading: dict, chance: Random) -> dict:
    """Add a paragraph of filler before the last sentence."""
    sentences, text = reading["sentences"], "".join(chance.sample(FILLER, 5))
    last = {**sentences[-1], "text": text + sentences[-1]["text"]}
    return {"content": rebuilt({**reading, "sentences": sentences[:-1] + [last]}, list(range(len(sentences))))}


def draw_turned(reading: dict, chance: Random) -> dict:
    """Keep the text and reverse the orientation of every card of the draw."""
    turned = {"upright": "reversed", "reversed": "upright", "unknown": "unknown"}
    return {"cards": [{**card, "orientation": turned[card["orientation"]]} for card in reading["cards"]]}


def names_exchanged(reading: dict, chance: Random, mentions: list[dict]) -> dict:
    """Swap the names of the first half of the drawn cards with those of the second half in the text."""
    here = list(dict.fromkeys(card["card"] for card in reading["cards"]))
    new = dict(zip(here, here[::-1], strict=True))
    content = reading["content"]
    for mention in sorted(mentions, key=lambda m: -m["start"]):
        if mention["card"] in new:
            content = content[: mention["start"]] + new[mention["card"]] + content[mention["end"] :]
    return {"content": content}


def addressed_to_nobody(reading: dict, chance: Random) -> dict:
    """Remove the name and every 你."""
    content = re.sub("你们|您|你|妳", "", reading["content"])
    return {"content": content.replace(reading["person"], "") if reading.get("person") else content}


WAYS = {
    "links_removed": (links_removed, "reasoning"),
    "person_removed": (person_removed, "personalisation"),
    "addressed_to_nobody": (addressed_to_nobody, "personalisation"),
    "shuffled": (shuffled, "coherence"),
    "looped": (looped, "coherence"),
    "end_repeated": (end_repeated, "coherence"),
    "terms_removed": (terms_removed, "terminology"),
    "advice_removed": (advice_removed, "advice"),
    "advice_vague": (advice_vague, "advice"),
    "cards_swapped": (cards_swapped, "fidelity"),
    "names_exchanged": (names_exchanged, "fidelity"),
    "orientations_swapped": (orientations_swapped, "fidelity"),
    "other_cards_drawn": (other_cards_drawn, "fidelity"),
    "draw_turned": (draw_turned, "fidelity"),
    "filled": (filled, "coherence"),
    "padded": (padded, "coherence"),
    "cut_short": (cut_short, "coherence"),
    "cut_after_a_sentence": (cut_after_a_sentence, "coherence"),
}
"""Way -> (function, the dimension that must detect it)."""


# Pairs

ANNOTATED = Path(__file__).parents[2] / "data" / "annotated"
ORIENTATION = {"upright": "(正位)", "reversed": "(逆位)", "unknown": ""}


class Pair(NamedTuple):
    """The scores of a human reading and those of its copy degraded in one way."""

    way: str
    reading_id: str
    human: dict
    copy: dict


def record(reading: dict, key: str) -> dict:
    """Return a reading in the format that `tarot score` reads."""
    cards = " | ".join(card["card"] + ORIENTATION[card["orientation"]] for card in reading["cards"])
    wanted = {name: reading.get(name) for name in ("person", "question", "spread", "content")}
    return wanted | {"id": key, "cards": cards}


def worse_copies(readings: list[dict], human: dict[str, dict]) -> dict[tuple[str, str], dict]:
    """Return (reading id, way) -> the record of its degraded copy; a way that changes nothing in a reading gives none.

    human: reading id -> the annotated reading, with the positions of its card names.
    """
    copies = {}
    for reading in readings:
        mentions = human[reading["id"]]["mentions"]
        named = {mention["card"] for mention in mentions} & {card["card"] for card in reading["cards"]}
        given = {"mentions": mentions, "deck": list(CARDS)}
        for way, (make, _) in WAYS.items():
            if way == "names_exchanged" and len(named) < 2:
                continue
            extra = {name: value for name, value in given.items() if name in signature(make).parameters}
            changed = make(reading, Random(f"{reading['id']} {way}"), **extra)
            new = reading | changed
            if new["content"] and (new["content"], new["cards"]) != (reading["content"], reading["cards"]):
                copies[reading["id"], way] = record(new, f"{reading['id']} {way}")
    return copies


def annotated_halves() -> tuple[list[dict], dict[tuple[str, str], dict]]:
    """Annotate all annotated readings and their degraded copies, each half by a labeller trained on the other.

    Return (readings, with `voice`, `writer`, and `gold`: the sentences people labelled; (reading id, way) -> copy). Readings that
    contradict their cards are left out.
    """
    readings = [r for r in gold.read_all(ANNOTATED) if r.get("note") != "mismatch"]
    human, spoilt = [], {}
    for seen, unseen in ((readings[::2], readings[1::2]), (readings[1::2], readings[::2])):
        model, shipped = train.train(seen), labeller.shipped
        labeller.shipped = lambda model=model: model
        try:
            found = annotate_records([record(r, r["id"]) for r in unseen])
            copies = worse_copies(unseen, {r["id"]: r for r in found})
            spoilt |= dict(zip(copies, annotate_records(list(copies.values())), strict=True))
        finally:
            labeller.shipped = shipped
        human += [
            a | {"voice": r["voice"], "writer": r["writer"], "gold": r["sentences"]}
            for a, r in zip(found, unseen, strict=True)
        ]
    return human, spoilt


def pairs_of(human: list[dict], spoilt: dict[tuple[str, str], dict]) -> list[Pair]:
    """Score what `annotated_halves` returns, with words counted on other writers; return the pairs."""
    out = []
    for part in by_unseen_writers(human):
        scores = {reading["id"]: score(reading) for reading in part}
        out += [Pair(way, key, scores[key], score(copy)) for (key, way), copy in spoilt.items() if key in scores]
    return out


def table(pairs: list[Pair]) -> list[dict]:
    """Return {way, pairs, dimension, by_dimension, by_overall} per way and in total: in how many the human one wins."""
    rows = []
    for way, (_, dimension) in WAYS.items():
        mine = [pair for pair in pairs if pair.way == way]
        rows.append(
            {
                "way": way,
                "pairs": len(mine),
                "dimension": dimension,
                "by_dimension": sum(pair.human[dimension] > pair.copy[dimension] for pair in mine),
                "by_overall": sum(pair.human["overall"] > pair.copy["overall"] for pair in mine),
            }
        )
    numbers = ("pairs", "by_dimension", "by_overall")
    return rows + [
        {"way": "all", "dimension": "right dimension"} | {name: sum(row[name] for row in rows) for name in numbers}
    ]
