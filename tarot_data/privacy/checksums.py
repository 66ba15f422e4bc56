"""Checks of numbers that contact details are made of: checksums, dates inside, grouping."""

import re
from collections.abc import Callable
from itertools import pairwise

from tarot_data import lexicon

_ID_DATE = re.compile(r"\d{6}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX]")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_MOBILE = re.compile(r"1[3-9]\d{9}")
_LIST_SIGNS = set(",，、/;；|")
_TAIWAN_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
_TAIWAN_WEIGHTS = (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)


def has_id_date(number: str) -> bool:
    """Check that a number of 18 digits has a day at the place of the date of birth."""
    return _ID_DATE.fullmatch(_digits_of(number)) is not None


def is_grouped(number: str) -> bool:
    """Check that a long number is written in groups of three or more, the first of four, the last of any length.

    3 4 5 6 and 300 400 500 are lists.
    """
    groups = "".join(c if c in "0123456789Xx" else " " for c in number).split(" ")
    return len(groups[0]) > 3 and all(len(group) >= 3 for group in groups[:-1])


def is_id_card(number: str) -> bool:
    """Check by GB 11643: a day at its place, and the last of 18 is the weighted sum of the others modulo 11."""
    digits = _digits_of(number)
    if not _ID_DATE.fullmatch(digits):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, _ID_WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == digits[-1]


def is_taiwan_id(number: str) -> bool:
    """Check Taiwan's identity number: the letter as two digits, weighted sum modulo 10."""
    letter = _TAIWAN_LETTERS.index(number[0].upper()) + 10
    digits = [letter // 10, letter % 10, *map(int, number[1:])]
    return sum(a * b for a, b in zip(digits, _TAIWAN_WEIGHTS, strict=True)) % 10 == 0


def is_luhn(number: str) -> bool:
    """Check by ISO 7812: 13 to 19 digits whose Luhn sum ends in 0."""
    digits = [int(digit) for digit in number if digit.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [sum(divmod(2 * digit, 10)) if place % 2 else digit for place, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def is_mobile_in_pieces(text: str) -> bool:
    """Check that the pieces make a mobile number of mainland China, in their order or with the last piece first."""
    pieces = re.findall(r"\d+", text)
    orders = ("".join(pieces), "".join([*pieces[1:], pieces[0]]))
    return any(_MOBILE.fullmatch(number) for number in orders)


def is_mobile_with_signs(text: str) -> bool:
    """Check that digits with signs between them are a mobile number, and no list (199、1288、3999; 15-21, 21-18, 21-9) or fraction."""
    groups, signs = re.findall(r"\d+", text), re.findall(r"\D+", text)
    listed = any(set(sign) & _LIST_SIGNS for sign in signs) and max(map(len, groups)) > 1
    fraction = len(groups) == 2 and len(groups[1]) < 3
    return not (listed or fraction) and is_no_sequence(text) and _MOBILE.fullmatch("".join(groups)) is not None


def is_no_sequence(text: str) -> bool:
    """Check that the groups of a number do not count upwards: 13 14 15 16 17."""
    groups = [int(group) for group in re.findall(r"\d+", text)]
    return len(groups) < 3 or any(later - earlier != 1 for earlier, later in pairwise(groups[:4]))


def is_no_series(text: str) -> bool:
    """Check that a number is no series: the steps between its groups (of one or two: its digits) differ, four are unsorted,
    and not all end in 0."""
    groups = [int(group) for group in re.findall(r"\d+", text)]
    if len(groups) > 2 and not any(group % 10 for group in groups):
        return False
    if len(groups) < 3:
        groups = [int(digit) for digit in text if digit.isdecimal()]
        return len({later - earlier for earlier, later in pairwise(groups)}) > 1
    steps = {later - earlier for earlier, later in pairwise(groups)}
    return len(steps) > 1 and (len(groups) < 4 or min(steps) < 0 < max(steps))


def are_no_prices(text: str) -> bool:
    """Check that the groups of a number do not all end in 0, 8 or 9, as prices do: 1288 3999."""
    return any(group[-1] not in "089" for group in re.findall(r"\d+", text))


def is_no_cycle(text: str) -> bool:
    """Check that pillars (甲子 乙丑 丙寅) are no run of the sixty in their order."""
    order = lexicon.words("dates", "stem")
    stems = [order.index(character) for character in text if character in order]
    return any((later - earlier) % 10 != 1 for earlier, later in pairwise(stems))


def is_room(text: str) -> bool:
    """Check that the last number of a text is that of a room: a floor up to 60, and 01 to 49 on it."""
    number = re.findall(r"\d+", text)[-1]
    return 0 < int(number[:-2]) <= 60 and 0 < int(number[-2:]) < 50


def is_room_of_floor(text: str) -> bool:
    """Check that a room is on the floor before it: 18层1805."""
    floor, room = re.findall(r"\d+", text)[-2:]
    return is_room(text) and room[:-2] == floor


def are_octets(text: str) -> bool:
    """Check that the parts of an IPv4 address are at most 255."""
    return all(int(part) <= 255 for part in text.split("."))


def _has_digits(least: int) -> Callable[[str], bool]:
    return lambda text: sum(map(str.isdigit, text)) >= least


CHECKS = {
    "eight_digits": _has_digits(8),
    "five_digits": _has_digits(5),
    "four_digits": _has_digits(4),
    "six_digits": _has_digits(6),
    "ten_digits": _has_digits(10),
    "thirteen_digits": _has_digits(13),
    "mobile_pieces": is_mobile_in_pieces,
    "mobile_signs": is_mobile_with_signs,
    "no_cycle": is_no_cycle,
    "no_series": is_no_series,
    "no_prices": are_no_prices,
    "no_sequence": is_no_sequence,
    "octets": are_octets,
    "grouped": is_grouped,
    "room": is_room,
    "room_of_floor": is_room_of_floor,
    "id_card": is_id_card,
    "id_date": has_id_date,
    "luhn": is_luhn,
    "taiwan_id": is_taiwan_id,
}
"""Checks by their name in the column `checks` of recognisers.toml."""


def _digits_of(number: str) -> str:
    return "".join(character for character in number.upper() if character in "0123456789X")
