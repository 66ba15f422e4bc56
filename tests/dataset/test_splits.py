"""Splits: by person, stable, near the configured shares."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.deck import THEMES
from tarot_data.dataset.splits import assign

PEOPLE = st.lists(
    st.tuples(
        st.sampled_from([None, *"甲乙丙丁戊己庚辛壬癸"]), st.sampled_from(THEMES), st.sampled_from(["three", None])
    ),
    min_size=1,
    max_size=60,
)


def frame(rows, start=0):
    return pl.DataFrame(
        [
            {
                "reading_id": f"r{start + number:016x}",
                "person": person,
                "themes": [theme],
                "draws": [{"draw": 1, "spread": spread, "spread_id": spread}],
            }
            for number, (person, theme, spread) in enumerate(rows)
        ],
        schema={
            "reading_id": pl.String,
            "person": pl.String,
            "themes": pl.List(pl.String),
            "draws": pl.List(pl.Struct({"draw": pl.Int32, "spread": pl.String, "spread_id": pl.String})),
        },
    )


@given(PEOPLE)
@settings(max_examples=60, deadline=None)
def test_no_person_is_in_two_splits(rows):
    readings = frame(rows)
    together = readings.join(assign(readings), on="reading_id").filter(pl.col("person").is_not_null())
    assert together.group_by("person").agg(pl.col("split").n_unique())["split"].max() in (None, 1)


def test_spellings_of_a_name_are_one_person():
    names = ["Mel", "mel", "Ｍel", "Mel🌸", "mEL "]
    assigned = assign(frame([(name, "感情", "three") for name in [*names, *"甲乙丙丁戊己庚辛"]]))
    assert assigned.head(len(names))["split"].n_unique() == 1


def test_a_name_trained_in_one_spelling_stays_in_train():
    rows = frame([("Mel", "感情", "three"), ("mel", "感情", "three"), *((name, "事业", None) for name in "甲乙丙丁")])
    before = rows.select("person", "reading_id", split=pl.Series(["test", "train", *["validation"] * 4]))
    assert assign(rows, before)["split"].to_list()[:2] == ["train", "train"]
    assert assign(rows, before.reverse())["split"].to_list()[:2] == ["train", "train"]


def test_readings_without_person_are_spread():
    readings = frame([("匿名", "感情", "three")] * 40)
    assert set(assign(readings)["split"]) == {"train", "validation", "test"}


@given(PEOPLE, PEOPLE)
@settings(max_examples=60, deadline=None)
def test_persons_keep_their_split(rows, more):
    old = frame(rows)
    before = old.join(assign(old), on="reading_id")
    grown = pl.concat([old, frame(more, start=len(rows))])
    after = grown.join(assign(grown, before), on="reading_id")
    kept = before.join(after, on="reading_id", suffix="_after")
    assert (kept["split"] == kept["split_after"]).all()


@given(PEOPLE, st.randoms())
@settings(max_examples=40, deadline=None)
def test_the_order_of_rows_does_not_matter(rows, random):
    readings = frame(rows)
    order = list(range(readings.height))
    random.shuffle(order)
    assert assign(readings).sort("reading_id").equals(assign(readings[order]).sort("reading_id"))


def with_twins(readings, places):
    """Return pairs of readings that count as near-duplicates."""
    keys = readings["reading_id"].to_list()
    pairs = {tuple(sorted((keys[a % len(keys)], keys[b % len(keys)]))) for a, b in places}
    rows = sorted(pair for pair in pairs if pair[0] != pair[1])
    return pl.DataFrame(rows, schema={"one": pl.String, "other": pl.String}, orient="row")


def crossing(twins, assigned):
    """Return near-duplicate pairs with both readings published in different splits."""
    splits = dict(assigned.drop_nulls("split").iter_rows())
    return [pair for pair in twins.iter_rows() if len({splits.get(key) for key in pair} - {None}) > 1]


PLACES = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=25)


@given(PEOPLE, PLACES)
@settings(max_examples=100, deadline=None)
def test_near_duplicates_share_a_split(rows, places):
    readings = frame(rows)
    twins = with_twins(readings, places)
    assigned = assign(readings, None, twins)
    assert crossing(twins, assigned) == [] and assigned["split"].null_count() == 0
    together = readings.join(assigned, on="reading_id").filter(pl.col("person").is_not_null())
    assert together.group_by("person").agg(pl.col("split").n_unique())["split"].max() in (None, 1)


@given(PEOPLE, PEOPLE, PLACES)
@settings(max_examples=100, deadline=None)
def test_twins_stay_together_as_data_grows(rows, more, places):
    old = frame(rows)
    before = old.join(assign(old), on="reading_id")
    grown = pl.concat([old, frame(more, start=len(rows))])
    twins = with_twins(grown, places)
    assigned = assign(grown, before, twins)
    assert crossing(twins, assigned) == []
    kept = before.join(assigned.drop_nulls("split"), on="reading_id", suffix="_after")
    assert (kept["split"] == kept["split_after"]).all()
    named = grown.join(assigned.drop_nulls("split"), on="reading_id").filter(pl.col("person").is_not_null())
    splits = named.group_by("person").agg(pl.col("split").n_unique())["split"]
    assert splits.max() in (None, 1)
    # Only a reading with a near-duplicate is ever withheld.
    withheld = set(assigned.filter(pl.col("split").is_null())["reading_id"])
    assert withheld <= {*twins["one"], *twins["other"]}


def test_the_newer_near_duplicate_is_withheld():
    old = frame([("甲", "感情", None)] * 8 + [("乙", "事业", None)])
    before = old.join(assign(old), on="reading_id")
    grown = pl.concat([old, frame([("甲", "感情", None)], start=9)])
    twins = pl.DataFrame({"one": [f"r{8:016x}"], "other": [f"r{9:016x}"]})
    assigned = dict(assign(grown, before, twins).iter_rows())
    assert assigned[f"r{8:016x}"] == dict(before.select("reading_id", "split").iter_rows())[f"r{8:016x}"]
    assert assigned[f"r{9:016x}"] is None


def test_splits_keep_themes_and_spreads():
    rows = [(f"客{n % 80}", THEMES[(n % 80) % 4], ["three", "celtic", None][n % 3]) for n in range(800)]
    readings = frame(rows)
    both = readings.join(assign(readings), on="reading_id").explode("themes")
    whole = dict(both["themes"].value_counts(normalize=True).iter_rows())
    for split in ("train", "validation", "test"):
        part = both.filter(pl.col("split") == split)
        shares = dict(part["themes"].value_counts(normalize=True).iter_rows())
        assert all(abs(shares.get(theme, 0) - share) < 0.1 for theme, share in whole.items())
        celtic = part.filter(pl.col("draws").list.first().struct.field("spread_id") == "celtic").height
        assert abs(celtic / part.height - 1 / 3) < 0.1


@given(st.lists(st.integers(1, 12), min_size=12, max_size=60))
@settings(max_examples=60, deadline=None)
def test_test_and_validation_have_a_tenth(sizes):
    rows = [(f"客{number}", "感情", None) for number, size in enumerate(sizes) for _ in range(size)]
    total = len(rows)
    if max(sizes) * 10 > total:
        return
    shares = dict(assign(frame(rows))["split"].value_counts().iter_rows())
    assert shares["test"] * 10 >= total and shares["validation"] * 10 >= total and shares["train"] * 2 > total


def test_forty_persons_give_a_tenth_each():
    readings = frame([(f"客{number % 40}", THEMES[number % 9], "three") for number in range(240)])
    shares = dict(assign(readings)["split"].value_counts().iter_rows())
    assert 24 <= shares["test"] <= 30 and 24 <= shares["validation"] <= 30


def test_three_persons_fill_three_splits():
    readings = frame([("甲", "感情", None)] * 5 + [("乙", "事业", None), ("丙", "财运", None)])
    assert set(assign(readings)["split"]) == {"train", "validation", "test"}


def test_unnamed_readings_are_single_groups():
    readings = frame([(None, "感情", None)] * 20)
    shares = dict(assign(readings)["split"].value_counts().iter_rows())
    assert shares == {"train": 16, "validation": 2, "test": 2}


def test_rare_spreads_do_not_starve_test():
    readings = frame([(f"客{number % 31}", THEMES[number % 9], f"spread{number}") for number in range(47)])
    shares = dict(assign(readings)["split"].value_counts().iter_rows())
    assert 5 <= shares["test"] <= 7 and 5 <= shares["validation"] <= 7
