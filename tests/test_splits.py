"""Splits: by person, stable, near the wanted shares."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.deck import THEMES
from tarot_data.splits import assign

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


def test_readings_of_nobody_in_particular_are_spread_over_the_splits():
    readings = frame([("匿名", "感情", "three")] * 40)
    assert set(assign(readings)["split"]) == {"train", "validation", "test"}


@given(PEOPLE, PEOPLE)
@settings(max_examples=60, deadline=None)
def test_a_person_keeps_the_split_when_readings_are_added(rows, more):
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


def test_forty_persons_give_a_tenth_to_test_and_to_validation():
    readings = frame([(f"客{number % 40}", THEMES[number % 9], "three") for number in range(240)])
    shares = dict(assign(readings)["split"].value_counts().iter_rows())
    assert 24 <= shares["test"] <= 30 and 24 <= shares["validation"] <= 30


def test_three_persons_fill_three_splits():
    readings = frame([("甲", "感情", None)] * 5 + [("乙", "事业", None), ("丙", "财运", None)])
    assert set(assign(readings)["split"]) == {"train", "validation", "test"}


def test_readings_without_a_person_are_groups_of_their_own():
    readings = frame([(None, "感情", None)] * 20)
    shares = dict(assign(readings)["split"].value_counts().iter_rows())
    assert shares == {"train": 16, "validation": 2, "test": 2}


def test_a_spread_of_its_own_for_every_reading_does_not_starve_the_test_split():
    readings = frame([(f"客{number % 31}", THEMES[number % 9], f"spread{number}") for number in range(47)])
    shares = dict(assign(readings)["split"].value_counts().iter_rows())
    assert 5 <= shares["test"] <= 7 and 5 <= shares["validation"] <= 7
