"""Numerals as people write them (十二, 二〇二四, 廿五, 两, ③, Ⅻ, １２), converted to integers and back."""

import unicodedata

DIGITS = "一二三四五六七八九"
NUMERALS = DIGITS + "十"
"""For character classes: `[{NUMERALS}]{{1,3}}` matches the numbers up to 九十九."""

_ROMAN = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
_VARIANTS = str.maketrans("○两兩", "〇二二")


def to_int(text: str) -> int | None:
    """Convert a numeral below a thousand, or digits in a row (二〇二四); return None for any other text."""
    if text.isdecimal():
        return int(text)
    values = [unicodedata.numeric(character, -1) for character in text.translate(_VARIANTS)]
    if not values or min(values) < 0:
        return None
    if len(values) == 1:
        return int(values[0])
    if max(values) < 10:
        return int("".join(str(int(value)) for value in values))
    total, digit = 0, None
    for value in map(int, values):
        if value >= 10:
            total, digit = total + (digit or 1) * value, None
        elif digit:
            return None
        else:
            digit = value
    return total + (digit or 0)


def to_chinese(number: int, ordinal: bool = False) -> str:
    """Write 0 to 99 in Chinese; two is 两 unless it is ordinal."""
    if number == 2 and not ordinal:
        return "两"
    digits = "零" + DIGITS
    tens, ones = divmod(number, 10)
    if not tens:
        return digits[ones]
    return ("" if tens == 1 else digits[tens]) + "十" + (digits[ones] if ones else "")


def spellings(number: int) -> tuple[str, ...]:
    """Return the ways to write 1 to 10, lower case: 7, 07, 七, 〇七, 零七, vii, Ⅶ, ⅶ."""
    digit, chinese = str(number), to_chinese(number, ordinal=True)
    padded = () if number == 10 else ("0" + digit, "〇" + chinese, "零" + chinese)
    return (digit, chinese, *padded, *roman_numerals(number))


def roman_numerals(number: int) -> tuple[str, ...]:
    """Return the ways to write 1 to 39 in Roman numerals: xvi in letters, or ⅩⅥ and ⅹⅵ in characters of their own."""
    tens, ones = divmod(number, 10)
    signs = [chr(first + 9) * tens + (chr(first + ones - 1) if ones else "") for first in (0x2160, 0x2170)]
    return ("x" * tens + _ROMAN[ones], *signs)
