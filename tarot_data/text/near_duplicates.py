"""Near-duplicate readings: MinHash on character 5-grams finds candidates, exact Jaccard decides.

Texts are compared without width, punctuation, case and script, so a re-export in traditional characters or with other
commas is the same text. Signatures are stored with the readings, so that of the old readings only the texts of the few
candidates are read.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from operator import itemgetter

import numpy as np
import polars as pl
from rensa import RMinHash

from tarot_data.text.normalise import simplifier, words
from tarot_data.text.phrase_matcher import inside

SHINGLE = 5
"""Characters of a shingle."""

THRESHOLD = 0.8
"""Jaccard similarity from which two readings are near duplicates (rejection reason near_duplicate)."""

BANDS, ROWS = 21, 6
"""126 hash functions. A pair at the threshold shares a band with probability 1 - (1 - 0.8^6)^21 = 0.998; one at 0.3,
the most alike of unrelated readings, with 0.015 (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.4)."""

SEED = 20240105
MAX_CANDIDATES = 200
"""Readings that one new reading is compared with, those that share most bands first. A chat macro sent to thousands of
clients fills one bucket, and its cost must not grow with the square of its size."""

CACHED_SHINGLES = 5000
"""Texts whose 5-grams are kept for further comparisons: some 200 MB for 600 characters each."""

SIGNATURES = pl.Schema({"reading_id": pl.String, "bands": pl.List(pl.UInt64), "scheme": pl.String})
"""bands: one hash a band, which includes the band's place. scheme: algorithm and parameters; bands of another scheme
cannot be compared and are computed again."""

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
    """Name the scheme of the bands: rensa's algorithm and our parameters."""
    return f"rensa {RMinHash.ALGORITHM_VERSION} char {SHINGLE} {BANDS}x{ROWS} seed {SEED}"


@cache
def _traditional() -> np.ndarray:
    """Return, for every code point, whether it may change in simplified Chinese."""
    table = np.zeros(0x110000, dtype=bool)
    table[0x10000:] = True
    characters = list(map(chr, (*range(0x3400, 0xA000), *range(0xF900, 0xFB00))))
    simplified = simplifier().convert("\n".join(characters)).split("\n")
    table[[ord(c) for c, plain in zip(characters, simplified, strict=True) if c != plain]] = True
    return table


def folded(content: str) -> str:
    """Return the letters, digits and Chinese characters of a text, half width, lower case, simplified."""
    text = words(content)
    # The check whether anything must be converted takes a tenth of the time of the conversion.
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return simplifier().convert(text) if _traditional()[codes].any() else text


def shingles(text: str) -> set[str]:
    """Return the character 5-grams of a folded text; a shorter text is its only one."""
    return {text[start : start + SHINGLE] for start in range(max(1, len(text) - SHINGLE + 1))}


def jaccard(one: set[str], other: set[str]) -> float:
    """Return the Jaccard similarity of two sets, 0 to 1."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared) if one or other else 1.0


def signatures(readings: pl.DataFrame) -> pl.DataFrame:
    """Compute the SIGNATURES of readings (reading_id, content), in their order."""
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
    """Hash the bands of folded texts, (texts, BANDS), 500 texts at a time so that the 5-grams fit the CPU cache."""
    if len(texts) > 500:
        return np.concatenate([_bands(texts[start : start + 500]) for start in range(0, len(texts), 500)])
    hashes, offsets = shingle_hashes(texts)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, num_perm=BANDS * ROWS, seed=SEED)
    rows = np.array(matrix.to_rows(), dtype=np.uint64).reshape(len(texts), BANDS, ROWS)
    mixed = np.full((len(texts), BANDS), 0x9E3779B97F4A7C15, dtype=np.uint64)
    mixed ^= np.arange(BANDS, dtype=np.uint64) * np.uint64(0xD1B54A32D192ED03)
    for row in range(ROWS):
        mixed = _mix(mixed ^ rows[:, :, row])
    return mixed


def shingle_hashes(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Hash every 5-gram of every text to 64 bits: one array, and the offset of each text. Shorter texts are padded."""
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
    """Apply one round of the finaliser of SplitMix64, modulo 2^64."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


class Kept:
    """Index of the bands of kept readings, searched for those that new readings share. Grows with every batch.

    signatures: SIGNATURES, held in memory; or a function that yields them in parts, called at every search with the
    bands that are searched, which takes little memory but time. Those of another scheme are computed again from the contents.
    """

    def __init__(
        self,
        signatures: pl.DataFrame | Callable[[np.ndarray], Iterable[pl.DataFrame]] | None = None,
        contents: Callable[[list[str]], dict[str, str]] | None = None,
    ) -> None:
        self._blocks: list[tuple[pl.Series, np.ndarray]] = []
        self._replaced: dict[str, int] = {}
        self._read: Callable[[np.ndarray], Iterable[pl.DataFrame]] = lambda bands: ()
        if callable(signatures):
            self._read = lambda bands: (_comparable(part, contents) for part in signatures(bands))
        elif signatures is not None and signatures.height:
            self.add(_comparable(signatures, contents))

    def add(self, signatures: pl.DataFrame, replaced: Iterable[str] = ()) -> None:
        """Add kept readings. replaced: the ids among them that had another text before."""
        self._blocks.append(_block(signatures))
        self._replaced |= dict.fromkeys(replaced, len(self._blocks))

    def _numbered(self, bands: np.ndarray) -> Iterator[tuple[int, pl.Series, np.ndarray]]:
        """Yield number, ids and bands of each block that may have some bands; 0: those of the store, read again."""
        yield from ((0, *_block(part)) for part in self._read(bands))
        yield from ((number, *block) for number, block in enumerate(self._blocks, 1))

    def sharing(self, ids: list[str], bands: pl.Series) -> list[list[str]]:
        """Return, for each new reading, the kept ones that share a band with it, those that share most first."""
        found: list[list[str]] = [[] for _ in ids]
        if bands.is_empty():
            return found
        asked, number = np.unique(bands.explode(empty_as_null=False).to_numpy(), return_inverse=True)
        order, bounds = np.argsort(number, kind="stable"), np.searchsorted(np.sort(number), np.arange(len(asked) + 1))
        rough = np.zeros(1 << 20, dtype=bool)
        rough[asked & _ROUGH] = True
        shared = []
        for count, kept, block in self._numbered(asked):
            # The last bits exclude nineteen of twenty; only the others are looked up.
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
        if not shared:
            return found
        counted = pl.concat(shared).group_by("place", "twin").len()
        for place, twin in (
            counted.sort("place", -pl.col("len").cast(pl.Int64), "twin").select("place", "twin").iter_rows()
        ):
            if len(found[place]) < MAX_CANDIDATES and twin != ids[place]:
                found[place].append(twin)
        return found


def _block(signatures: pl.DataFrame) -> tuple[pl.Series, np.ndarray]:
    """Return the ids of SIGNATURES, and their bands one after the other, BANDS each."""
    return signatures["reading_id"], signatures["bands"].explode(empty_as_null=False).to_numpy()


_ROUGH = np.uint64((1 << 20) - 1)
"""Bits of a band that exclude most bands; a table of this size fits the CPU cache."""


def near_duplicates(
    new: pl.DataFrame,
    kept: Kept | None = None,
    contents: Callable[[list[str]], dict[str, str]] | None = None,
    threshold: float = THRESHOLD,
    signed: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Find new readings that are nearly an old one, or a new one above them: (reading_id, twin, similarity).

    new: reading_id and content. signed: their SIGNATURES, if known. kept: the old readings. contents: returns the texts
    of old readings by reading_id; called once, for candidates only. similarity: exact Jaccard of the 5-grams, 0 to 1.
    A reading is compared with kept ones only, never with one that is a near duplicate itself or has its own id.
    """
    ids, texts = new["reading_id"].to_list(), new["content"].to_list()
    bands = (signatures(new) if signed is None else signed)["bands"]
    old = (kept or Kept()).sharing(ids, bands)
    wanted = sorted({twin for twins in old for twin in twins})
    known = contents(wanted) if wanted and contents else {}
    shared, buckets = _shared_bands(bands), _Buckets()
    shingles_of = lru_cache(CACHED_SHINGLES)(lambda text: shingles(folded(text)))
    rows: list[tuple[str, str, float]] = []
    for index, (reading_id, text) in enumerate(zip(ids, texts, strict=True)):
        if not shared[index] and not old[index]:
            continue
        candidates = [(twin, known[twin]) for twin in old[index] if twin in known]
        candidates += [(ids[place], texts[place]) for place in buckets.sharing(shared[index])]
        similar = [
            (twin, jaccard(shingles_of(text), shingles_of(other))) for twin, other in candidates if twin != reading_id
        ]
        twin, similarity = max(similar, key=itemgetter(1), default=(None, -1.0))
        if similarity >= threshold:
            rows.append((reading_id, twin, similarity))
        else:
            buckets.add(index, shared[index])
    return pl.DataFrame(
        rows, schema={"reading_id": pl.String, "twin": pl.String, "similarity": pl.Float64}, orient="row"
    )


class _Buckets:
    """The new readings kept so far, by the bands they share with others."""

    def __init__(self) -> None:
        self._places: dict[int, list[int]] = {}

    def sharing(self, bands: list[int]) -> list[int]:
        """Return the readings with one of the bands, those that share most first."""
        shared = Counter(place for band in bands for place in self._places.get(band, ()))
        return [place for place, _ in shared.most_common(MAX_CANDIDATES)]

    def add(self, place: int, bands: list[int]) -> None:
        for band in bands:
            bucket = self._places.setdefault(band, [])
            if len(bucket) < 4 * MAX_CANDIDATES:
                bucket.append(place)


def _shared_bands(bands: pl.Series) -> list[list[int]]:
    """Return, for each reading, the bands that another one has too, in their order: nine readings of ten have none."""
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
    """Find pairs of near-duplicate readings: (one, other, similarity), one before other, sorted.

    readings: reading_id and content. signatures_known: SIGNATURES of some of them, of their current content.
    """
    none = pl.DataFrame(schema={"one": pl.String, "other": pl.String, "similarity": pl.Float64})
    known = signatures(readings.clear()) if signatures_known is None else signatures_known
    known = known.filter(pl.col("scheme") == scheme()).join(readings, on="reading_id", how="semi")
    fresh = signatures(readings.join(known, on="reading_id", how="anti"))
    bands = pl.concat([known, fresh]).select("reading_id", pl.col("bands")).unique("reading_id").explode("bands")
    shared = bands.filter(pl.len().over("bands") > 1).sort("bands", "reading_id")
    if shared.is_empty():
        return none
    # In a bucket of many (a macro sent to everybody) each is compared with the first and the one before it only.
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
    grams = {key: shingles(folded(text)) for key, text in texts.items()}
    rows = [(one, other, jaccard(grams[one], grams[other])) for one, other in candidates.iter_rows()]
    found = pl.DataFrame(rows, schema=none.schema, orient="row")
    return found.filter(pl.col("similarity") >= threshold).sort("one", "other")


def _comparable(signatures: pl.DataFrame, contents: Callable[[list[str]], dict[str, str]] | None) -> pl.DataFrame:
    """Return the bands of old readings, those of another scheme computed again."""
    if "scheme" not in signatures.columns:
        return signatures.select("reading_id", "bands")
    stale = signatures.filter(pl.col("scheme") != scheme())["reading_id"].to_list()
    current = signatures.filter(pl.col("scheme") == scheme()).select("reading_id", "bands")
    if not stale or contents is None:
        return current
    return pl.concat(
        [current, *(_signed_again(stale[start : start + 2000], contents) for start in range(0, len(stale), 2000))]
    )


def _signed_again(ids: list[str], contents: Callable[[list[str]], dict[str, str]]) -> pl.DataFrame:
    texts = contents(ids)
    frame = pl.DataFrame({"reading_id": list(texts), "content": list(texts.values())})
    return signatures(frame).select("reading_id", "bands")
