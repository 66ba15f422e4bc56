"""Contact details in text, masked with typed placeholders (`〔手机号〕`) before anything is written.

Boundaries are look-arounds on ASCII letters and digits: `\\b` does not exist between a Chinese character and a digit.
The words that announce a number (微信, QQ, 卡号) are rows of `lexicon/contacts.csv`.
"""

import re
from dataclasses import dataclass

from tarot_data import lexicon
from tarot_data.folding import widths


@dataclass(frozen=True)
class Contact:
    """A contact detail found: text[start:end], and its kind, a row of contacts.csv."""

    start: int
    end: int
    kind: str


_DIGITS = "零〇一二三四五六七八九幺两０１２３４５６７８９⓪①②③④⑤⑥⑦⑧⑨❶❷❸❹❺❻❼❽❾➊➋➌➍➎➏➐➑➒壹贰叁肆伍陆柒捌玖"
_VALUES = "001234567891201234567890123456789123456789123456789123456789"
_TO_DIGITS = str.maketrans(_DIGITS, _VALUES)

# Every contact detail holds a run of ASCII, digits spelt out, or a house number. Nine readings of ten have none of these,
# and four quick searches are all they cost.
_RUN = re.compile(
    "[0-9A-Za-z_@\uff10-\uff19\uff21-\uff5a\uff20][!-~\uff10-\uff19\uff21-\uff5a\uff20\uff0e\uff0d \n·—\ufe0f\u20e3]{4,}"
)
_SPELT_RUN = re.compile(
    r"[零〇一二三四五六七八九幺两⓪①-⑨❶-❾➊-➒壹贰叁肆伍陆柒捌玖][零〇一二三四五六七八九幺两⓪①-⑨❶-❾➊-➒壹贰叁肆伍陆柒捌玖0-9 \-]{6}"
)
_HOUSE = re.compile(
    r"[路街道巷弄同段区區园園寓村苑府厦舍]\s?[0-9A-Za-z一二三四五六七八九十百\-０-９]{1,6}\s?[号號弄巷栋棟幢座单單楼樓层層室房户]"
)
_FOLLOWED = ("地址", "住址", "生日", "出生", "生辰", "寄到", "家住", "住在", "门牌", "address", "birth")
_ID_LIKE = re.compile(
    r"[:：=是]\s?@?[A-Za-z_][A-Za-z0-9_.\-]{3}|(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9.\-]{2,29}[0-9_]|_[A-Za-z0-9]|[信号號]\s?[A-Za-z_]{6}|[加➕+]我?\s?[vV薇威]"
)
_WIDE = re.compile("[\uff10-\uff19\uff20-\uff5a\uff0e\uff0d\uff08\uff09\uff0f\u3000]")
_HEX_ID = re.compile(
    r"(?<![0-9A-Za-z])[0-9a-f]{24,64}(?![0-9A-Za-z])|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)
"""Page ids and checksums, in which eleven digits are no telephone number."""
_ENGLISH = re.compile("[a-z]+")
_MANY_DIGITS = re.compile(r"[0-9](?:[\s\-.·—\ufe0f\u20e3]{0,4}[0-9]){4}")
_SPELT = re.compile(rf"[{_DIGITS}0-9][{_DIGITS}0-9\ufe0f\u20e3 \-·.]{{9,}}")
_KEYCAP = re.compile("(?<=[0-9])[\ufe0f\u20e3]+")

_LEFT, _RIGHT = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_GAP = r"[\s\-.·—]{1,3}"
_MOBILE = re.compile(
    rf"(?<![0-9])(?:(?:\+|00)?86[\s\-]{{0,2}})?"
    rf"(?:1[3-9]\d{{9}}|1[3-9]\d{_GAP}\d{{4}}{_GAP}?\d{{4}}|1[3-9]\d{{2}}{_GAP}\d{{4}}{_GAP}\d{{3}}"
    rf"|1[3-9]\d{{5}}{_GAP}\d{{4}}|1[3-9]\d{{3}}{_GAP}\d{{6}}|1[3-9]\d{{6}}{_GAP}\d{{3}}"
    rf"|1(?:[ \-.·][3-9])(?:[ \-.·]\d){{9}}|1[3-9]\d[ \-]\d{{3}}[ \-]\d{{5}})(?![0-9])"
)
_ABROAD = re.compile(
    r"(?<![0-9A-Za-z+])(?:\+(?!86)\d{1,3}[\s\-]?\(?\d{1,4}\)?(?:[\s\-]?\d{2,4}){2,4}|09\d{2}[\s\-]?\d{3}[\s\-]?\d{3})(?![0-9])"
)
_LANDLINE = re.compile(
    r"(?<![0-9\-./])(?:\(0\d{2,3}\)|0\d{2,3}[\s\-])\s?[2-9]\d{6,7}(?:-\d{1,5})?(?![0-9])|(?<![0-9])(?:400|800)-?\d{3}-?\d{4}(?![0-9])"
)
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9][A-Za-z0-9._%+\-]{0,63}\s?(?:@|\(at\)|\[at\])\s?"
    r"[A-Za-z0-9\-]{1,63}(?:\s?\.\s?[A-Za-z0-9\-]{1,63}){0,4}\s?\.\s?[A-Za-z]{2,24}(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_URL = re.compile(
    r"(?:https?|ftp|weixin|wxp|alipays?|alipayqr|mqqapi|taobao|tbopen)://[!-~]{2,2000}"
    r"|(?<![A-Za-z0-9@.\-])(?:www\.)?(?:[A-Za-z0-9\-]{1,63}\.){1,4}"
    r"(?:com|cn|net|org|me|tv|top|cc|io|co|xyz|link|shop|app|tw|hk)/[!-~]{1,2000}",
    re.IGNORECASE,
)
_URL_END = re.compile(r"[)\]}>\"'.,;!?|]+$")
_BARE_URL = re.compile(r"^(?:https?://|ftp://)?[^/?#]*/?$", re.IGNORECASE)
_ID_CARD = re.compile(
    rf"{_LEFT}[1-9]\d{{5}}[ \-]?(?:18|19|20)\d{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[ \-]?\d{{3}}[\dXx]{_RIGHT}"
)
_ID_TAIWAN = re.compile(rf"{_LEFT}[A-Za-z][12]\d{{8}}{_RIGHT}")
_CARD_NUMBER = re.compile(
    rf"{_LEFT}[3-6]\d{{3}}(?:[ \-]?\d{{4}}){{2,3}}(?:[ \-]?\d{{1,4}})?(?:[ \-]?\d{{1,3}})?{_RIGHT}"
)
_LONG = re.compile(rf"{_LEFT}\d{{15,32}}{_RIGHT}")
_WXID = re.compile(r"(?<![A-Za-z_])(?:wxid_[A-Za-z0-9]{4,}|(?:wx|vx)[_\-][A-Za-z0-9_\-]{3,19})", re.IGNORECASE)
_ROAD = re.compile(
    r"(?:[\u4e00-\u9fff]{2,7}(?:省|自治区|市|特区)){0,2}(?:[\u4e00-\u9fff]{1,6}(?:区|县|镇|乡|區|縣|鎮|鄉))?"
    r"[\u4e00-\u9fff]{1,8}(?:路|街|大道|巷|弄|胡同)(?:[一二三四五六七八九东南西北中]段)?"
    r"\s?(?:[0-9]{1,5}|[一二三四五六七八九十百]{1,5})\s?(?:号|號|弄|巷)"
    r"(?:[A-Za-z0-9\u4e00-\u9fff]{1,12}?(?:大厦|城|广场|中心|小区|公寓|花园|苑|院))?"
    r"(?:(?:[\u4e00-\u9fff]{0,10}?[0-9A-Za-z一二三四五六七八九十\-]{1,6}\s?"
    r"(?:号楼|號樓|号|號|栋|棟|幢|座|单元|單元|楼|樓|层|層|室|房|户))+\s?(?:[0-9]{2,5}(?![0-9年月日点]))?)?"
)
_ESTATE = re.compile(
    r"[\u4e00-\u9fff]{2,10}(?:小区|社区|花园|公寓|家园|新村|苑|府|大厦|宿舍)\s?"
    r"(?:[0-9A-Za-z一二三四五六七八九十\-]{1,5}\s?(?:号楼|号|栋|棟|幢|座|单元|楼|层|室|房|户)\s?){1,4}[0-9]{0,4}(?:室|房|户)?"
)
_DAY_OF_MONTH = re.compile(
    r"(?:路|街|巷|弄|胡同|大道)\s?(?:[12]?[0-9]|3[01]|[一二三]?十?[一二三四五六七八九十])\s?[号號]$"
)
_PLACE_WORDS = re.compile(r"[省市区县镇乡區縣鎮鄉].*[路街巷弄道同]")
_BIRTH = r"(?:阳历|农历|陽曆|農曆|公历)?\s?(?:19|20)\d{2}\s?[-./年]\s?\d{1,2}(?:\s?[-./月]\s?\d{1,2})?日?号?(?:\s?(?:早上|上午|中午|下午|晚上|凌晨)?\s?\d{1,2}\s?[:点點时時]\s?\d{0,2}分?)?"

_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_TAIWAN_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"


@lexicon.cached
def placeholders() -> dict[str, str]:
    return {row["kind"]: row["placeholder"] for row in lexicon.read_table("contacts")}


@lexicon.cached
def _cues() -> dict[str, str]:
    """Kind to an alternation of its cue words, longest first, for widths-folded text."""
    return {
        row["kind"]: "|".join(
            _guarded(word) for word in sorted(widths(row["cues"]).split("|"), key=len, reverse=True) if word
        )
        for row in lexicon.read_table("contacts")
    }


def _guarded(word: str) -> str:
    """The word as a pattern; an ASCII word must not begin inside another one."""
    return (r"(?<![A-Za-z0-9_])" if word[0].isascii() else "") + re.escape(word)


@lexicon.cached
def _announced() -> tuple[tuple[str, re.Pattern], ...]:
    """Patterns of numbers and names that only their announcement tells: kind, pattern with the detail as group 1."""
    cue = _cues()
    link = r"[\s:：=＝是为為加号號码碼id（(【\[「“\"'➕+→👉~～]"
    near = rf"(?:{link}|ID|Id|同号|同號|联系|聯絡|找我|找|我的|就是|吧|哦|哈){{0,6}}"
    name = r"[A-Za-z_][A-Za-z0-9_\-]{5,19}"
    return tuple(
        (kind, re.compile(pattern, re.IGNORECASE))
        for kind, pattern in (
            # With a mark between, any name; right after the word, only what no ordinary word looks like.
            (
                "wechat",
                rf"(?:{cue['wechat']})(?:(?:号|號|id)?\s?(?:[:：=]|是)\s?({name})"
                rf"|{near}((?=[A-Za-z0-9_\-]{{0,19}}[0-9_])[A-Za-z_][A-Za-z0-9_\-]{{4,19}}|[1-9]\d{{4,10}}))(?![A-Za-z0-9_@])",
            ),
            (
                "wechat",
                rf"((?<![A-Za-z0-9_@.])(?=[A-Za-z0-9_\-]{{0,19}}[0-9_])[A-Za-z_][A-Za-z0-9_\-]{{5,19}})\s?[（(]?(?:是)?(?:我的?)?(?:{cue['wechat']})",
            ),
            (
                "wechat",
                rf"(?:(?:加|➕|＋|搜)(?:我|一下|个)?的?(?:{cue['wechat']}|微信)(?:号|號|id)?|(?:{cue['wechat']})(?:号|號|id))\s?({name})(?![A-Za-z0-9_@])",
            ),
            (
                "wechat",
                r"(?:加我?|➕|＋)\s?[vV薇威]\s?[:：]?\s?([A-Za-z_][A-Za-z0-9_\-]{5,19}|[1-9]\d{5,10})(?![A-Za-z0-9_])",
            ),
            ("wechat", r"(?<![A-Za-z0-9])[vV]\s?[:：]\s?([A-Za-z_][A-Za-z0-9_\-]{5,19}|[1-9]\d{5,10})(?![A-Za-z0-9_])"),
            ("qq", rf"(?:{cue['qq']})[^\n0-9。！？!?，,；;]{{0,8}}([1-9]\d{{4,10}}){_RIGHT}"),
            ("qq", rf"{_LEFT}([1-9]\d{{4,10}})[（(\s]{{0,2}}(?:是|为)?(?:我的?)?(?:{cue['qq']})"),
            ("qq", r"(?<![A-Za-z0-9])[qQ]\s?[:：]\s?([1-9]\d{5,10})(?![0-9])"),
            ("id_card", rf"(?:{cue['id_card']}){near}([0-9A-Za-z]{{8,18}}){_RIGHT}"),
            (
                "bank_card",
                rf"(?:{cue['bank_card']})[^\n0-9A-Za-z。！？]{{0,8}}(\d{{4}}(?:[ \-]?\d{{2,4}}){{2,4}}){_RIGHT}",
            ),
            ("phone", rf"(?:{cue['phone']}){near}(\d{{3,4}}[\s\-]?\d{{4}}(?:[\s\-]?\d{{1,4}})?){_RIGHT}"),
            ("order", rf"(?:{cue['order']}){near}([0-9A-Za-z\-]{{6,32}}){_RIGHT}"),
            (
                "account",
                rf"(?:{cue['account']})(?:\s?(?:号|號|id|账号|帳號)?\s?[:：=]\s?@?([A-Za-z0-9_.\-]{{4,30}})"
                rf"|{near}@?((?=[A-Za-z0-9_.\-]{{0,29}}[0-9_])[A-Za-z0-9_.\-]{{5,30}}))(?![A-Za-z0-9_])",
            ),
            ("birth", rf"(?:{cue['birth']})\s?(?:是|为|為|[:：])?\s?({_BIRTH})"),
            ("address", rf"(?:{cue['address']})\s?[:：]\s?(?!〔)([^\n。；;]{{6,80}})"),
        )
    )


@lexicon.cached
def _cue_words() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Cue words in lower case to the kinds they announce: those to be found anywhere, and whole English words."""
    anywhere: dict[str, tuple[str, ...]] = {"v:": ("wechat",), "v :": ("wechat",), "q:": ("qq",), "q :": ("qq",)}
    anywhere |= {"v：": ("wechat",), "q：": ("qq",)}
    english: dict[str, tuple[str, ...]] = {"v": ("wechat",)}
    for row in lexicon.read_table("contacts"):
        for word in filter(None, widths(row["cues"]).lower().split("|")):
            table = english if re.fullmatch("[a-z]+", word) else anywhere
            table[word] = (*table.get(word, ()), row["kind"])
    for word in ("加薇", "加我薇", "➕薇", "加威"):
        anywhere[word] = ("wechat",)
    return anywhere, english


@lexicon.cached
def _address_lead() -> re.Pattern:
    """Words that lead to an address and are not part of it: 寄到, 家住, 我在."""
    return re.compile(rf"(?:{_cues()['address']}|我们|我|你|现在|就|都|[在到去是往从住搬])+")


def _announced_kinds(lowered: str) -> set[str]:
    """Kinds whose cue stands in a text, so that fifteen searches are made only where they can find something."""
    anywhere, english = _cue_words()
    kinds = {kind for word, kinds in anywhere.items() if word in lowered for kind in kinds}
    if tokens := _ENGLISH.findall(lowered):
        kinds.update(kind for token in tokens for kind in english.get(token, ()))
    return kinds


def find_contacts(text: str) -> list[Contact]:
    """Every contact detail of a text, in order, not overlapping: where two meet, the one found first by kind."""
    if len(text) < 5:
        return []
    runs = _RUN.search(text)
    spelt = _SPELT_RUN.search(text)
    house = _HOUSE.search(text)
    if not runs and not spelt and not house and not any(word in text for word in _FOLLOWED):
        return []
    return _found(text)


def _found(text: str) -> list[Contact]:
    folded = widths(text) if _WIDE.search(text) else text
    found: list[Contact] = []

    def add(start: int, end: int, kind: str) -> None:
        """Keep what is not covered yet: all of it or nothing, but of an address the pieces that are left."""
        meets = sorted((other.start, other.end) for other in found if start < other.end and end > other.start)
        if start < end and not meets:
            found.append(Contact(start, end, kind))
        elif kind == "address" and start >= 0:
            for left, right in zip([start, *(b for _, b in meets)], [*(a for a, _ in meets), end], strict=True):
                if right - left > 3:
                    found.append(Contact(left, right, kind))

    if "/" in folded and ("://" in folded or "." in folded):
        for match in _URL.finditer(folded):
            end = match.end() - len(tail[0]) if (tail := _URL_END.search(match[0])) else match.end()
            if not _BARE_URL.match(folded[match.start() : end]):
                add(match.start(), end, "payment" if _is_payment(folded[match.start() : end]) else "link")
    if "@" in folded or "(at)" in folded or "[at]" in folded:
        for match in _EMAIL.finditer(folded):
            add(match.start(), match.end(), "email")
    digits = bool(_MANY_DIGITS.search(folded))
    if digits:
        for match in _ID_CARD.finditer(folded):
            if _id_checks(match[0]):
                add(match.start(), match.end(), "id_card")
        for match in _ID_TAIWAN.finditer(folded):
            if _taiwan_checks(match[0]):
                add(match.start(), match.end(), "id_card")
        for match in _CARD_NUMBER.finditer(folded):
            if _luhn_checks(match[0]):
                add(match.start(), match.end(), "bank_card")
        ids = [(match.start(), match.end()) for match in _HEX_ID.finditer(folded)]
        for pattern in (_MOBILE, _ABROAD, _LANDLINE):
            for match in pattern.finditer(folded):
                if not any(start < match.end() and match.start() < end for start, end in ids):
                    add(match.start(), match.end(), "phone")
    if digits or _ID_LIKE.search(folded) or any(word in folded for word in _FOLLOWED):
        lowered = folded.lower()
        if "wx" in lowered or "vx" in lowered:
            for match in _WXID.finditer(folded):
                add(match.start(), match.end(), "wechat")
        if kinds := _announced_kinds(lowered):
            for kind, pattern in _announced():
                if kind in kinds:
                    for match in pattern.finditer(folded):
                        for group in range(1, pattern.groups + 1):
                            add(match.start(group), match.end(group), kind)
    if digits:
        # A number of this length is somebody's, whatever its kind: an identity number mistyped, an order.
        for pattern in (_LONG, _ID_CARD):
            for match in pattern.finditer(folded):
                add(match.start(), match.end(), "order")
    if _HOUSE.search(folded):
        for pattern in (_ROAD, _ESTATE):
            for match in pattern.finditer(folded):
                if _DAY_OF_MONTH.search(match[0]) and not _PLACE_WORDS.search(match[0]):
                    continue  # 上路12号: a day, not a house
                lead = _address_lead().match(folded, match.start(), match.end())
                add(lead.end() if lead else match.start(), match.end(), "address")
    for match in _SPELT.finditer(folded) if _SPELT_RUN.search(folded) or "\ufe0f" in folded else ():
        number = _KEYCAP.sub("", match[0].translate(_TO_DIGITS))
        if (phone := _MOBILE.search(number)) and len(phone[0]) >= 11:
            add(match.start(), match.end(), "phone")
    return sorted(found, key=lambda contact: contact.start)


def kinds_in(texts: list[str]) -> list[str]:
    """Kinds of the placeholders that stand in texts already, one entry each: what was masked before they came here."""
    if not any("〔" in text for text in texts):
        return []
    return [kind for kind, word in placeholders().items() for text in texts for _ in range(text.count(word))]


def mask(text: str) -> tuple[str, list[str]]:
    """The text with every contact detail replaced by its placeholder, and the kinds replaced, one entry each."""
    masked, found = _masked(text)
    return masked, [kind for _, kind in found]


def _masked(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The masked text, and (detail, kind) of everything masked. Looks again until nothing is found: two details side by
    side hide each other's edges."""
    found: list[tuple[str, str]] = []
    for _ in range(4):
        contacts = find_contacts(text)
        if not contacts:
            break
        words, parts, last = placeholders(), [], 0
        for contact in contacts:
            parts += [text[last : contact.start], words[contact.kind]]
            last = contact.end
            found.append((text[contact.start : contact.end], contact.kind))
        text = "".join(parts) + text[last:]
    return text, found


@lexicon.cached(maxsize=16384)
def mask_short(text: str) -> tuple[str, tuple[str, ...]]:
    """`mask` for names, positions and card names, of which the same few thousand come again and again."""
    masked, kinds = mask(text)
    return masked, tuple(kinds)


def mask_all(texts: list[str]) -> tuple[list[str], list[str]]:
    """Several texts of one record: what one of them gives away is masked in the others too, cue or no cue."""
    results = [_masked(text) if text else ("", []) for text in texts]
    found = [detail for _, details in results for detail in details]
    if not found:
        return texts, []
    masked, kinds = [text for text, _ in results], [kind for _, kind in found]
    secrets = {detail: kind for detail, kind in found if len(detail) >= 5 and detail.isascii()}
    for secret in sorted(secrets, key=len, reverse=True):
        for index, text in enumerate(masked):
            if secret in text:
                kinds += [secrets[secret]] * text.count(secret)
                masked[index] = text.replace(secret, placeholders()[secrets[secret]])
    return masked, kinds


def _is_payment(url: str) -> bool:
    return bool(re.search(rf"(?<![a-z])(?:{_cues()['payment']})(?![a-z])", url.lower()))


def _id_checks(number: str) -> bool:
    """GB 11643: the last of 18 is the weighted sum of the others modulo 11."""
    digits = re.sub(r"[ \-]", "", number)
    total = sum(int(digit) * weight for digit, weight in zip(digits, _ID_WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == digits[-1].upper()


def _taiwan_checks(number: str) -> bool:
    """Taiwan's identity number: the letter as two digits, weights 1, 9 to 1, 1, modulo 10."""
    letter = _TAIWAN_LETTERS.index(number[0].upper()) + 10
    digits = [letter // 10, letter % 10, *map(int, number[1:])]
    return sum(a * b for a, b in zip(digits, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True)) % 10 == 0


def _luhn_checks(number: str) -> bool:
    """ISO 7812: 13 to 19 digits whose Luhn sum ends in 0."""
    digits = [int(digit) for digit in number if digit.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [sum(divmod(2 * digit, 10)) if place % 2 else digit for place, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0
