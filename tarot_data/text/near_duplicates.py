"""Readings that are nearly the same: MinHash on character 5-grams finds candidates, exact Jaccard decides.

Texts are compared without width, punctuation, case and script, so a re-export in traditional characters or with other
commas is the same text. Signatures are stored with the readings: new ones are compared with old ones without reading
what the old ones say, except for the few candidates.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
import polars as pl

from tarot_data.text.normalise import words
from tarot_data.text.phrase_matcher import inside

SHINGLE = 5
"""Characters of a shingle."""

THRESHOLD = 0.8
"""Jaccard similarity from which two readings are near duplicates (the house's list of reasons)."""

BANDS, ROWS = 21, 6
"""126 hash functions. A pair at the threshold shares a band with probability 1 - (1 - 0.8^6)^21 = 0.998; one at 0.3,
the most alike of unrelated readings, with 0.015 (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.4)."""

SEED = 20240105
MAX_CANDIDATES = 200
"""Readings that one new reading is compared with, those that share most bands first: a chat macro sent to thousands of
clients fills one bucket and must not cost the square of its size."""

SIGNATURES = pl.Schema({"reading_id": pl.String, "bands": pl.List(pl.UInt64), "scheme": pl.String})
"""bands: one number a band, which already contains the band's place. scheme: how they were made; bands of another
scheme cannot be compared and are made anew."""

_FACTORS = tuple(
    np.uint64(factor)
    for factor in (
        0x9E3779B97F4A7C15,
        0xBF58476D1CE4E5B9,
        0x94D049BB133111EB,
        0xD1B54A32D192ED03,
        0xDB4F0B9175AE2165,
    )
)
"""Odd 64-bit constants (SplitMix64, Steele and Vigna): a 5-gram's hash is the mixed sum of its code points times these."""


@cache
def scheme() -> str:
    """What the bands depend on: rensa's algorithm and our parameters."""
    from rensa import RMinHash

    return f"rensa {RMinHash.ALGORITHM_VERSION} char {SHINGLE} {BANDS}x{ROWS} seed {SEED}"


@cache
def _simplifier() -> object:
    import opencc

    return opencc.OpenCC("t2s")


@cache
def _traditional() -> np.ndarray:
    """Of every code point, whether it may be written otherwise in simplified Chinese."""
    table = np.zeros(0x110000, dtype=bool)
    table[0x10000:] = True
    characters = list(map(chr, (*range(0x3400, 0xA000), *range(0xF900, 0xFB00))))
    simplified = _simplifier().convert("\n".join(characters)).split("\n")
    table[[ord(c) for c, plain in zip(characters, simplified, strict=True) if c != plain]] = True
    return table


def folded(content: str) -> str:
    """The words of a text: letters, digits and Chinese characters, half width, lower case, simplified."""
    text = words(content)
    # To look whether there is anything to convert takes a tenth of the time of converting.
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return _simplifier().convert(text) if _traditional()[codes].any() else text


def shingles(text: str) -> set[str]:
    """The character 5-grams of a folded text; a shorter text is its own only one."""
    return {text[start : start + SHINGLE] for start in range(max(1, len(text) - SHINGLE + 1))}


def jaccard(one: set[str], other: set[str]) -> float:
    """Shared share of two sets, 0 to 1."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared) if one or other else 1.0


def signatures(readings: pl.DataFrame) -> pl.DataFrame:
    """SIGNATURES of readings (reading_id, content), in their order."""
    if readings.is_empty():
        return pl.DataFrame(schema=SIGNATURES)
    bands = _bands([folded(content) for content in readings["content"]])
    return pl.DataFrame(
        {
            "reading_id": readings["reading_id"],
            "bands": pl.Series(bands, dtype=pl.Array(pl.UInt64, BANDS)).cast(pl.List(pl.UInt64)),
            "scheme": [scheme()] * readings.height,
        },
        schema=SIGNATURES,
    )


def _bands(texts: list[str]) -> np.ndarray:
    """(texts, BANDS) band hashes of folded texts, 500 at a time so that the 5-grams fit the cache."""
    if len(texts) > 500:
        return np.concatenate([_bands(texts[start : start + 500]) for start in range(0, len(texts), 500)])
    from rensa import RMinHash

    hashes, offsets = _shingle_hashes(texts)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, num_perm=BANDS * ROWS, seed=SEED)
    rows = np.array(matrix.to_rows(), dtype=np.uint64).reshape(len(texts), BANDS, ROWS)
    mixed = np.full((len(texts), BANDS), 0x9E3779B97F4A7C15, dtype=np.uint64)
    mixed ^= np.arange(BANDS, dtype=np.uint64) * np.uint64(0xD1B54A32D192ED03)
    for row in range(ROWS):
        mixed = _mix(mixed ^ rows[:, :, row])
    return mixed


def _shingle_hashes(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """A 64-bit hash of every 5-gram of every text, in one array, and where each text's begin. Shorter texts are padded."""
    padded = [text if len(text) >= SHINGLE else text.ljust(SHINGLE, "\0") for text in texts]
    points = np.frombuffer("".join(padded).encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    lengths = np.array([len(text) for text in padded], dtype=np.int64)
    ends = np.cumsum(lengths)
    windows = len(points) - SHINGLE + 1
    found = np.zeros(windows, dtype=np.uint64)
    for place, factor in enumerate(_FACTORS):
        found += points[place : place + windows] * factor
    inside = np.ones(windows, dtype=bool)
    for place in range(1, SHINGLE):
        # A window that begins in the last four characters of a text reaches into the next one.
        inside[(ends[:-1] - place)[ends[:-1] - place < windows]] = False
    offsets = np.zeros(len(texts) + 1, dtype=np.uint64)
    np.cumsum(lengths - SHINGLE + 1, out=offsets[1:], dtype=np.uint64)
    return _mix(found[inside]), offsets


def _mix(values: np.ndarray) -> np.ndarray:
    """One round of the finaliser of SplitMix64, modulo 2^64."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


class Kept:
    """The bands of what is kept, looked through for those that new readings share. Grows with every lot.

    signatures: SIGNATURES, of which those of another scheme are made anew from the contents, which happens once after
    an upgrade.
    """

    def __init__(
        self, signatures: pl.DataFrame | None = None, contents: Callable[[list[str]], dict[str, str]] | None = None
    ) -> None:
        self._blocks: list[tuple[pl.Series, np.ndarray]] = []
        self._replaced: dict[str, int] = {}
        if signatures is not None and signatures.height:
            self.add(_comparable(signatures, contents))

    def add(self, signatures: pl.DataFrame, replaced: Iterable[str] = ()) -> None:
        """More that is kept from now on, and the ids among it that had other words before."""
        self._replaced |= dict.fromkeys(replaced, len(self._blocks))
        bands = signatures["bands"].explode(empty_as_null=False).to_numpy()
        self._blocks.append((signatures["reading_id"], bands))

    def sharing(self, ids: list[str], bands: pl.Series) -> list[list[str]]:
        """For every new reading those kept that share a band with it, those that share most first, but itself."""
        found: list[list[str]] = [[] for _ in ids]
        if bands.is_empty() or not self._blocks:
            return found
        asked, number = np.unique(bands.explode(empty_as_null=False).to_numpy(), return_inverse=True)
        order, bounds = np.argsort(number, kind="stable"), np.searchsorted(np.sort(number), np.arange(len(asked) + 1))
        rough = np.zeros(1 << 20, dtype=bool)
        rough[asked & _ROUGH] = True
        shared = []
        for count, (kept, block) in enumerate(self._blocks):
            # Nineteen of twenty are told by their last bits: only the others are looked up.
            at = np.nonzero(rough[block & _ROUGH])[0]
            band = np.minimum(np.searchsorted(asked, block[at]), len(asked) - 1)
            at, band = (values[asked[band] == block[at]] for values in (at, band))
            sorted_ = np.argsort(band, kind="stable")
            at, band = at[sorted_], band[sorted_]
            few = np.arange(len(band)) - np.searchsorted(band, band) < MAX_CANDIDATES
            at, band = at[few], band[few]
            place = order[inside(bounds[band], bounds[band + 1])] // BANDS
            twin = kept.gather(np.repeat(at // BANDS, bounds[band + 1] - bounds[band]))
            pairs = pl.DataFrame({"place": place, "twin": twin})
            gone = [reading_id for reading_id, since in self._replaced.items() if since > count]
            shared.append(pairs.filter(~pl.col("twin").is_in(gone)) if gone else pairs)
        counted = pl.concat(shared).group_by("place", "twin").len()
        for place, twin in (
            counted.sort("place", -pl.col("len").cast(pl.Int64), "twin").select("place", "twin").iter_rows()
        ):
            if len(found[place]) < MAX_CANDIDATES and twin != ids[place]:
                found[place].append(twin)
        return found


_ROUGH = np.uint64((1 << 20) - 1)
"""Bits of a band by which most are passed over; a table of so many fits the cache."""


def near_duplicates(
    new: pl.DataFrame,
    kept: Kept | None = None,
    contents: Callable[[list[str]], dict[str, str]] | None = None,
    threshold: float = THRESHOLD,
    signed: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """New readings that are nearly an old one, or a new one above them that is kept: (reading_id, twin, similarity).

    new: reading_id and content; signed: their SIGNATURES, where these are made already. kept: the old ones. contents: the
    texts of old readings by reading_id, asked once, for candidates only. similarity: exact Jaccard of the 5-grams, 0 to 1. A reading is compared
    with what is kept, never with another that is left out itself; with its own id never.
    """
    ids = new["reading_id"].to_list()
    texts = new["content"].to_list()
    found = (signatures(new) if signed is None else signed)["bands"]
    old = (kept or Kept()).sharing(ids, found)
    bands = _shared_bands(found)
    wanted = sorted({twin for twins in old for twin in twins})
    known = contents(wanted) if wanted and contents else {}
    held: dict[str, set[str]] = {}
    buckets: dict[int, list[int]] = {}
    rows: list[tuple[str, str, float]] = []
    for index, reading_id in enumerate(ids):
        if not bands[index] and not old[index]:
            continue
        own: set[str] | None = None
        shared = Counter(place for band in bands[index] for place in buckets.get(band, ()))
        candidates = [twin for twin in old[index] if twin in known] + [
            place for place, _ in shared.most_common(MAX_CANDIDATES)
        ]
        best: tuple[float, str] | None = None
        for candidate in candidates:
            twin = candidate if isinstance(candidate, str) else ids[candidate]
            if twin == reading_id:
                continue
            own = shingles(folded(texts[index])) if own is None else own
            if twin not in held:
                held[twin] = shingles(folded(known[twin] if isinstance(candidate, str) else texts[candidate]))
            similarity = jaccard(own, held[twin])
            if similarity >= threshold and (best is None or similarity > best[0]):
                best = (similarity, twin)
        if best:
            rows.append((reading_id, best[1], best[0]))
        else:
            for band in bands[index]:
                bucket = buckets.setdefault(band, [])
                if len(bucket) < 4 * MAX_CANDIDATES:
                    bucket.append(index)
        if len(held) > 5000:
            held.clear()
    return pl.DataFrame(
        rows, schema={"reading_id": pl.String, "twin": pl.String, "similarity": pl.Float64}, orient="row"
    )


def _shared_bands(bands: pl.Series) -> list[list[int]]:
    """Of every reading the bands that another one has too, in their order: nine readings of ten have none."""
    flat = bands.explode().to_numpy()
    _, number, count = np.unique(flat, return_inverse=True, return_counts=True)
    at = np.nonzero(count[number] > 1)[0]
    out: list[list[int]] = [[] for _ in range(len(bands))]
    for place, band in zip((at // BANDS).tolist(), number[at].tolist(), strict=True):
        out[place].append(band)
    return out


def near_pairs(
    readings: pl.DataFrame, signatures_known: pl.DataFrame | None, threshold: float = THRESHOLD
) -> pl.DataFrame:
    """Pairs of readings that are nearly the same: (one, other, similarity), one before other, sorted.

    readings: reading_id and content. signatures_known: SIGNATURES of some of them, of their present content.
    """
    none = pl.DataFrame(schema={"one": pl.String, "other": pl.String, "similarity": pl.Float64})
    known = signatures(readings.clear()) if signatures_known is None else signatures_known
    known = known.filter(pl.col("scheme") == scheme()).join(readings, on="reading_id", how="semi")
    fresh = signatures(readings.join(known, on="reading_id", how="anti"))
    bands = pl.concat([known, fresh]).select("reading_id", pl.col("bands")).unique("reading_id").explode("bands")
    shared = bands.filter(pl.len().over("bands") > 1).sort("bands", "reading_id")
    if shared.is_empty():
        return none
    # In a bucket of many, a macro sent to everybody, each is compared with the first and the one before it only.
    shared = shared.with_columns(place=pl.int_range(pl.len()).over("bands"), size=pl.len().over("bands"))
    few = shared.filter(pl.col("size") <= MAX_CANDIDATES).select("bands", "reading_id")
    many = shared.filter(pl.col("size") > MAX_CANDIDATES)
    all_of_few = few.join(few, on="bands", suffix="_other").select(one="reading_id", other="reading_id_other")
    key = pl.col("reading_id")
    chain = [many.select(one=how.over("bands"), other="reading_id") for how in (key.shift(1), key.first())]
    candidates = pl.concat([all_of_few, *chain]).drop_nulls().filter(pl.col("one") < pl.col("other")).unique()
    texts = dict(
        readings.filter(pl.col("reading_id").is_in(pl.concat([candidates["one"], candidates["other"]]).implode()))
        .select("reading_id", "content")
        .iter_rows()
    )
    held = {key: shingles(folded(text)) for key, text in texts.items()}
    rows = [(one, other, jaccard(held[one], held[other])) for one, other in candidates.iter_rows()]
    found = pl.DataFrame(rows, schema=none.schema, orient="row")
    return found.filter(pl.col("similarity") >= threshold).sort("one", "other")


def _comparable(signatures: pl.DataFrame, contents: Callable[[list[str]], dict[str, str]] | None) -> pl.DataFrame:
    """Old bands, those of another scheme made anew."""
    if "scheme" not in signatures.columns:
        return signatures.select("reading_id", "bands")
    stale = signatures.filter(pl.col("scheme") != scheme())["reading_id"].to_list()
    current = signatures.filter(pl.col("scheme") == scheme()).select("reading_id", "bands")
    if not stale or contents is None:
        return current
    return pl.concat([current, *(_anew(part, contents) for part in _parts(stale, 2000))])


def _anew(ids: list[str], contents: Callable[[list[str]], dict[str, str]]) -> pl.DataFrame:
    texts = contents(ids)
    frame = pl.DataFrame({"reading_id": list(texts), "content": list(texts.values())})
    return signatures(frame).select("reading_id", "bands")


def _parts(items: list[str], size: int) -> Iterable[list[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
