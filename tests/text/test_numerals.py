import pytest

from tarot_data.text.numerals import to_chinese, to_int


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("七", 7),
        ("十", 10),
        ("十二", 12),
        ("二十", 20),
        ("九十九", 99),
        ("廿五", 25),
        ("一百一十三", 113),
        ("一百零五", 105),
        ("二〇二四", 2024),
        ("二○二四", 2024),
        ("零", 0),
        ("两", 2),
        ("07", 7),
        ("１２", 12),
        ("③", 3),
        ("⑴", 1),
        ("❷", 2),
        ("Ⅻ", 12),
    ],
)
def test_a_numeral_is_converted(written, number):
    assert to_int(written) == number


@pytest.mark.parametrize("written", ["", "过去", "三张", "二三十", "x", "-1"])
def test_other_text_is_no_number(written):
    assert to_int(written) is None


def test_numbers_below_100_round_trip():
    assert [to_int(to_chinese(number)) for number in range(100)] == list(range(100))
    assert [to_chinese(n) for n in (1, 2, 10, 12, 20, 99)] == ["一", "两", "十", "十二", "二十", "九十九"]
    assert to_chinese(2, ordinal=True) == "二"
