"""Contact details in text, masked with typed placeholders (`〔手机号〕`) before anything is written.

Boundaries are look-arounds on ASCII letters and digits: `\\b` does not exist between a Chinese character and a digit.
The words that announce a number (微信, QQ, 卡号) are rows of `lexicon/contacts.csv`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tarot_data import lexicon
from tarot_data.privacy.checksums import _ID_DATE, _digits_of, _grouped, _id_checks, _luhn_checks, _taiwan_checks
from tarot_data.text.normalise import width_table, widths
from tarot_data.text.numerals import NUMERALS


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
    "[0-9A-Za-z_@\uff10-\uff19\uff21-\uff5a\uff20\U0001d7ce-\U0001d7ff]"
    "[!-~\uff10-\uff19\uff21-\uff5a\uff20\uff0e\uff0d\U0001d7ce-\U0001d7ff\u200b-\u200f\u2060\ufeff\u3000\xa0 \n·—…、，\ufe0f\u20e3]{4,}"
)
_SPELT_RUN = re.compile(
    r"[零〇一二三四五六七八九幺两⓪①-⑨❶-❾➊-➒壹贰叁肆伍陆柒捌玖][零〇一二三四五六七八九幺两⓪①-⑨❶-❾➊-➒壹贰叁肆伍陆柒捌玖0-9 \-、，]{6}"
)
_SPELT_MIXED = re.compile(r"[0-9]{2}[零〇一二三四五六七八九幺]{2}|[0-9][、，,][0-9][、，,][0-9][、，,][0-9]")
_HOUSE = re.compile(
    rf"[路街道巷弄同段区區园園寓村苑府厦舍城]\s?[0-9A-Za-z{NUMERALS}百千\-０-９]{{1,6}}\s?[号號弄巷栋棟幢座单單楼樓层層室房户组組]"
)
_BLOCK = re.compile(r"[0-9０-９]{1,4}(?:号楼|號樓|[栋棟幢座室]|单元|單元|-[0-9]{1,2}-[0-9]{3})")
_DOWN_TO_VILLAGE = re.compile(r"[省市区][\u4e00-\u9fff]{1,12}[县縣区區旗][\u4e00-\u9fff]{1,9}[镇乡鎮鄉道村]")
_FOLLOWED = ("地址", "住址", "生日", "出生", "生辰", "寄到", "家住", "住在", "门牌", "address", "birth")
_BORN = re.compile(r"[0-9日号點点分半]\s?生[的人于於]")
_ID_LIKE = re.compile(
    r"[:：=是搜叫👉→]\s?[@\"“]?[A-Za-z_][A-Za-z0-9_.\-]{3}|(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9.\-]{2,29}[0-9_]|_[A-Za-z0-9]|[信号號xX❤♥泡]\s{0,2}[A-Za-z_]{6}|[加➕+私扫]我?\s?[vVwW薇威]|\n\s?[A-Za-z_]{6}"
)
_WIDE = re.compile(
    "[\uff03\uff0b\uff10-\uff19\uff20-\uff5a\uff0e\uff0d\uff08\uff09\uff0f\uff3f\u3000\xa0\u00ad\u200b-\u200f\u2010-\u2013\u2212\u2060\ufeff\U0001d7ce-\U0001d7ff]"
)
_HEX_ID = re.compile(
    r"(?<![0-9A-Za-z])[0-9a-f]{24,64}(?![0-9A-Za-z])|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)
"""Page ids and checksums, in which eleven digits are no telephone number."""
_ENGLISH = re.compile("[a-z]+")
_SPLIT = re.compile(r"[微薇威维vwq][ .·\-][信xq❤]")
_APART = re.compile(r"[ .·\-]")
_MANY_DIGITS = re.compile(r"[0-9](?:[\s\-.·—_*~…/|,，、()oO\u200b\ufe0f\u20e3]{0,4}[0-9]){4}")
_SPELT = re.compile(rf"[{_DIGITS}0-9][{_DIGITS}0-9Xx\ufe0f\u20e3 \-·.、，,]{{9,}}")
_KEYCAP = re.compile("(?<=[0-9])[\ufe0f\u20e3]+")

_CARRIERS = "订单|訂單|快递|快遞|顺丰|圆通|中通|韵达|申通|极兔"
"""Words beside which a number is that of an order or a parcel."""

_LEFT, _RIGHT = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_GAP = r"[\s\-.·—_*~…\u200b]{1,3}"
_MOBILE = re.compile(
    rf"(?<![0-9])(?:\(?(?:\+|00)?86\)?[\s\-]{{0,2}})?"
    rf"(?:1[3-9]\d{{9}}|1[3-9]\d{_GAP}\d{{4}}(?:{_GAP})?\d{{4}}|1[3-9]\d{{2}}{_GAP}\d{{4}}{_GAP}\d{{3}}"
    rf"|1[3-9]\d{{5}}{_GAP}\d{{4}}|1[3-9]\d{{3}}{_GAP}\d{{6}}|1[3-9]\d{{6}}{_GAP}\d{{3}}"
    rf"|1(?:[ \-.·、，,][3-9])(?:[ \-.·、，,]\d){{9}}|1[3-9]\d[ \-]\d{{3}}[ \-]\d{{5}}"
    rf"|1[ \-][3-9]\d{{9}}|1[3-9][ \-.]\d{{3}}[ \-.]\d{{3}}[ \-.]\d{{3}}|1[3-9]\d{{3}}[ \-]\d{{3}}[ \-]\d{{3}})(?![0-9])"
    r"|\(1[3-9]\d\)\s?\d{4}[\s\-]?\d{4}(?![0-9])"
)
_MOBILE_WITH_O = re.compile(
    rf"{_LEFT}1[3-9](?=[0-9oO]{{9}}{_RIGHT})(?=[0-9]*[oO])(?=(?:[oO]{{0,3}}[0-9]){{6}})[0-9oO]{{9}}"
)
_ABROAD = re.compile(
    r"(?<![0-9A-Za-z+])(?:\+(?!86)\d{1,3}[\s\-]?\(?\d{1,4}\)?(?:[\s\-]?\d{2,4}){2,4}|09\d{2}[\s\-]?\d{3}[\s\-]?\d{3})(?![0-9])"
)
_LANDLINE = re.compile(
    r"(?<![0-9\-./])(?:\(0\d{2,3}\)|0\d{2,3}[\s\-])\s?[2-9]\d{6,7}(?:-\d{1,5})?(?![0-9])|(?<![0-9])(?:400|800)-?\d{3}-?\d{4}(?![0-9])"
)
_DOT = r"\s?(?:\.|。|点|點|[(（\[](?:dot|点)[)）\]]|\sdot\s)\s?"
_AT_SIGNS = (
    "@",
    "#",
    "艾特",
    "圈a",
    "🌀",
    " at ",
    "_at_",
    "-at-",
    "AT",
    "at)",
    "(a)",
    "at）",
    "at]",
    "at】",
    "at>",
    "at}",
    "at」",
)
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9][A-Za-z0-9._%+\-]{0,63}"
    r"\s?(?:@|[(（\[【{<「]\s?(?:at|a|艾特)\s?[)）\]】}>」])\s?"
    rf"(?:[A-Za-z0-9\-]{{1,63}}(?:\s?\.\s?[A-Za-z0-9\-]{{1,63}}){{0,4}}\s?\.\s?[A-Za-z]{{2,24}}"
    rf"|[A-Za-z0-9\-]{{1,63}}(?:{_DOT}(?:com|cn|net|org|edu|tw|hk|me)){{1,2}})(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_URL = re.compile(
    r"(?:https?|ftp|weixin|wxp|alipays?|alipayqr|mqqapi|taobao|tbopen)://"
    r"(?:(?:[A-Za-z0-9\-]{1,63}\.){0,4}[\u4e00-\u9fff]{1,20}\.[A-Za-z\u4e00-\u9fff]{2,6}/[!-~]{1,2000}|[!-~]{2,2000})"
    r"|(?<![A-Za-z0-9@.\-])(?:(?:(?:www\.)?(?:[A-Za-z0-9\-]{1,63}\.){1,4}"
    r"(?:com|cn|net|org|me|tv|top|cc|io|co|xyz|link|shop|store|site|online|club|vip|fun|live|info|app|art|ink|ltd|pro|dev|tw|hk|jp"
    r"|ee|be|gg|ly|gl|im|id|ai|so|to|la|us|uk)|\d{1,3}(?:\.\d{1,3}){3})(?::\d{2,5})?/[!-~]{1,2000}"
    r"|(?=[A-Za-z0-9\-]{0,40}[0-9])(?=[0-9\-]{0,40}[A-Za-z])[A-Za-z0-9\-]{6,40}\.[A-Za-z0-9\-]{2,40}\.(?:com|cn|net|top|shop)"
    r"(?![A-Za-z0-9@.\-]))",
    re.IGNORECASE,
)
_URL_END = re.compile(r"[)\]}>\"'.,;!?|]+$")
_BARE_URL = re.compile(
    r"^(?:https?://|ftp://)?(?!(?=[a-z0-9\-]{0,40}[0-9])(?=[0-9\-]{0,40}[a-z])[a-z0-9\-]{6,40}\.[a-z0-9\-]{1,63}\.)[^/?#]*/?$",
    re.IGNORECASE,
)
_PART = r"[ \-.·_\u200b]?"
_ID_CARD = re.compile(rf"{_LEFT}[1-9](?:{_PART}\d){{16}}{_PART}[\dXx]{_RIGHT}")
_ID_TAIWAN = re.compile(rf"{_LEFT}[A-Za-z][12]\d{{8}}{_RIGHT}")
_CARD_NUMBER = re.compile(rf"{_LEFT}[3-69](?:{_PART}\d){{12,18}}{_RIGHT}")
_LONG = re.compile(rf"{_LEFT}(?:\d{{15,32}}|(?:SF|YT|JD|JT|ZTO|STO|YD)[A-Z]{{0,2}}\d{{10,15}}){_RIGHT}")
_WXID = re.compile(r"(?<![A-Za-z_])(?:wxid_[A-Za-z0-9]{4,}|(?:wx|vx)[_\-][A-Za-z0-9_\-]{3,19})", re.IGNORECASE)
_NUMBER = rf"(?:[0-9]{{1,5}}(?:-[0-9]{{1,4}})?|[{NUMERALS}百千零]{{1,6}})"
_UNIT = r"(?:号楼|號樓|号|號|栋|棟|幢|座|单元|單元|楼|樓|层|層|室|房|户|门|組|组)"
_TAIL = (
    rf"(?:(?:[\u4e00-\u9fff]{{0,10}}?[0-9A-Za-z{NUMERALS}\-]{{1,6}}\s?{_UNIT})+\s?(?:[0-9]{{2,5}}(?![0-9年月日点]))?)?"
)
_ROAD = re.compile(
    r"(?:[\u4e00-\u9fff]{2,7}(?:省|自治区|市|特区)){0,2}(?:[\u4e00-\u9fff]{1,6}(?:区|县|镇|乡|區|縣|鎮|鄉))?"
    r"[\u4e00-\u9fff]{1,8}(?:路|街|道|巷|弄|胡同|村)(?:[一二三四五六七八九东南西北中]段)?"
    rf"\s?{_NUMBER}\s?(?:号|號|弄|巷)(?:之[一二三四五])?"
    r"(?:[A-Za-z0-9\u4e00-\u9fff]{1,12}?(?:大厦|城|广场|中心|小区|公寓|花园|苑|院))?" + _TAIL
)
_ESTATE = re.compile(
    r"[\u4e00-\u9fff]{2,10}(?:小区|社区|花园|公寓|家园|新村|苑|府|大厦|宿舍|[东南西北一二三四五六七八九]区|城|村)\s?"
    rf"(?:[0-9A-Za-z{NUMERALS}\-]{{1,5}}\s?{_UNIT}\s?){{1,4}}[0-9]{{0,4}}(?:室|房|户)?"
)
_BUILDING = re.compile(
    rf"[\u4e00-\u9fff]{{2,12}}[0-9{NUMERALS}]{{1,4}}(?:号楼|號樓|栋|棟|幢|座|单元|單元)\s?"
    rf"(?:[0-9A-Za-z{NUMERALS}]{{1,4}}(?:单元|單元|层|層|楼|樓|门|座)\s?)?(?:[0-9]{{1,2}}(?:单元|楼|层)[A-Z]|[0-9]{{3,4}})(?:室|房|户)?(?![0-9年月天])"
    r"|[\u4e00-\u9fff]{2,10}(?:花园|小区|新村|苑|园|城|府|庭|湾|家园|大街|里|[一二三四五]?区)[0-9]{1,3}-[0-9]{1,2}-[0-9]{3,4}(?![0-9年\-])"
)
"""A house told by two numbers: 香槟国际7栋2603室, 西溪北苑3-1-602."""
_REGION = re.compile(
    r"(?:[\u4e00-\u9fff]{2,7}(?:省|自治区)|(?<![\u4e00-\u9fff])[\u4e00-\u9fff]{2,4}(?<![城都超股夜])市)"
    r"(?:[\u4e00-\u9fff]{2,7}市)?[\u4e00-\u9fff]{1,6}(?:区|县|旗|區|縣)"
    rf"(?:[\u4e00-\u9fff]{{1,8}}?(?:街道|镇|乡|鎮|鄉|社区|村)){{1,3}}(?:[{NUMERALS}0-9]{{1,3}}(?:组|队|社|号))?"
)
"""A region down to the village."""
_LED_TO = r"(?:[^\n。；;！!？?，,]{0,40}?)"
_DAY_OF_MONTH = re.compile(rf"(?:路|街|巷|弄|胡同|道|村)\s?(?:[12]?[0-9]|3[01]|[一二三]?十?[{NUMERALS}])\s?[号號]$")
_AFTER_HOUSE = re.compile(
    r"\s?(?:$|[，,。；;、）)(（\n！!]|[收见寄取]|附近|旁边|对面|门口|楼上|楼下|这边|那边|那里|这里|的店|工作室)"
)
_PLACE_WORDS = re.compile(r"[省市区县镇乡區縣鎮鄉].*[路街巷弄道同村]")
_TIME = r"(?:\s?(?:早上|上午|中午|下午|晚上|凌晨|清晨|傍晚)?\s?\d{1,2}\s?[:点點时時]\s?(?:\d{1,2}分?|半)?)?"
_FULL_DAY = rf"(?:阳历|农历|陽曆|農曆|公历)?\s?(?:(?:19|20)\d{{2}}\s?[-./年]\s?\d{{1,2}}(?:\s?[-./月]\s?\d{{1,2}})?日?号?|(?:19|20)\d{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?![0-9])){_TIME}"
_BIRTH = rf"(?:{_FULL_DAY}|(?:阳历|农历)?(?<![0-9.])\d{{2}}\s?[-./年]\s?\d{{1,2}}\s?[-./月]\s?\d{{1,2}}(?![0-9.])日?号?{_TIME})"


@lexicon.cached
def placeholders() -> dict[str, str]:
    return {row["kind"]: row["placeholder"] for row in lexicon.read_table("contacts")}


@lexicon.cached
def _cues() -> dict[str, str]:
    """Kind to an alternation of its cue words, longest first, for widths-folded text."""
    return {
        row["kind"]: "|".join(
            _guarded(word, row["kind"] == "account")
            for word in sorted(widths(row["cues"]).split("|"), key=len, reverse=True)
            if word
        )
        for row in lexicon.read_table("contacts")
    }


def _guarded(word: str, closed: bool) -> str:
    """The word as a pattern; an ASCII word must not begin inside another one nor, where `closed`, end
    inside it; one of two characters may be written
    apart: 微 信, v.x."""
    end = r"(?![A-Za-z0-9_])" if closed and word[-1].isascii() and word[-1].isalpha() else ""
    letters = r"[ .·\-]?".join(map(re.escape, word)) if len(word) == 2 else re.escape(word)
    return (r"(?<![A-Za-z0-9_])" if word[0].isascii() else "") + letters + end


@lexicon.cached
def _announced() -> tuple[tuple[str, re.Pattern], ...]:
    """Patterns of numbers and names that only their announcement tells: kind, pattern with the detail as group 1."""
    cue = _cues()
    link = r"[\s:：=＝是为為加号號码碼id（(【\[「“\"'➕+→👉👇~～\u200b]"
    near = rf"(?:{link}|ID|Id|账号|同号|同號|联系|聯絡|找我|找|搜索|搜|我的|就是|就|叫|吧|哦|哈){{0,6}}"
    name = r"[A-Za-z_][A-Za-z0-9_\-]{5,19}"
    marked = r"(?=[A-Za-z0-9_\-]{0,19}[0-9_])[A-Za-z_]"
    # CA1234 and G1234, flights and trains, are written in capitals; Sarah_12.txt is how exporters number files.
    own = (
        r"(?!(?-i:[A-Z]{1,4}-?[0-9]{1,5}(?![A-Za-z0-9_])|i[A-Z])|[A-Za-z]{2,19}[_\-][0-9]{1,2}\.[A-Za-z])"
        r"(?=[A-Za-z0-9_\-]{0,19}(?:[0-9][A-Za-z0-9_\-]{0,18}[0-9]|_[A-Za-z0-9]))[A-Za-z_][A-Za-z0-9_\-]{5,19}"
    )
    words = r"[^A-Za-z0-9_。！？!?；;]"
    end = r"(?![A-Za-z0-9_@])"
    # A single character (薇) is a name as well and announces only what stands right beside it.
    chat = "|".join(word for word in cue["wechat"].split("|") if len(word) > 1)
    no_day = r"(?!(?:19|20)\d{2}[-./]?(?:0?[1-9]|1[0-2])[-./]?(?:0?[1-9]|[12]\d|3[01])(?![0-9A-Za-z_]))"
    qq = rf"({no_day}[1-9]\d{{4,10}}|[1-9]\d{{2,3}}(?: \d{{2,4}}){{1,2}})"
    return tuple(
        (kind, re.compile(pattern, re.IGNORECASE))
        for kind, pattern in (
            # With a mark between, any name; right after the word, only what no ordinary word looks like.
            (
                "wechat",
                rf"(?:{cue['wechat']})\ufe0f?(?:(?:号|號|id)?[\s\"'”]{{0,2}}(?:[:：=👉👇→]|是|叫)[\s\"'“]{{0,3}}({name})"
                rf"|{near}({marked}[A-Za-z0-9_\-]{{4,19}}|[1-9]\d{{4,10}})){end}",
            ),
            ("wechat", rf"(?:{chat}){words}{{0,14}}({own}){end}"),
            ("wechat", rf"(?:{chat}){words}{{0,40}}\n\s?({name})\s?(?:\n|$)"),
            ("wechat", rf"(?<![A-Za-z0-9_@.])({own})(?![A-Za-z0-9_@.]){words}{{0,8}}(?:{chat})"),
            ("wechat", rf"(?<![A-Za-z0-9_@.])({own})\s?[（(]\s?[vV]\s?[)）]"),
            (
                "wechat",
                rf"(?:(?:加|➕|＋|搜)(?:我|一下|个)?的?(?:{cue['wechat']}|微信)(?:号|號|id)?|(?:{cue['wechat']})(?:号|號|id))\s?({name}){end}",
            ),
            (
                "wechat",
                rf"(?<![A-Za-z0-9_])(?:vx|wx|v信|v❤|微❤|绿泡泡|薇信)️?[\s~～➕👉→]{{1,3}}({name}){end}",
            ),
            (
                "wechat",
                rf"(?:[加私扫搜➕＋]|(?<![0-9A-Za-z])\+)\s?(?:我|个|一下)?\s?(?:[vwVW](?![A-Za-z0-9_])|[薇威微])️?[\s:：~～=→👉👇\-]{{0,4}}({name}|[1-9]\d{{5,10}}){end}",
            ),
            (
                "wechat",
                rf"(?<![A-Za-z0-9])[vV]\s?(?:我|❤️?)?\s?[:：]\s{{0,2}}({name}|[1-9]\d{{5,10}})(?![A-Za-z0-9_])",
            ),
            ("qq", rf"(?:{cue['qq']})[^\n0-9。！？!?，,；;]{{0,8}}{qq}(?![0-9A-Za-z年])"),
            ("qq", rf"{_LEFT}([1-9]\d{{4,10}})[（(\s]{{0,2}}(?:是|为)?(?:我的?)?(?:{cue['qq']})"),
            ("qq", rf"(?<![A-Za-z0-9])(?:[qQ]\s?[:：]|[加我➕+]\s?[qQ]\s?[:：]?)\s?{qq}(?![0-9A-Za-z年])"),
            ("qq", r"(?<![折克倒回代])扣\s?[:：]?\s?([1-9]\d{7,10})(?!\s?[0-9元块分万])"),
            (
                "id_card",
                rf"(?:{cue['id_card']}){near}(\d(?:[ .\-]?\d){{13,16}}[ .\-]?[\dXx]|[0-9A-Za-z]{{8,18}}){_RIGHT}",
            ),
            ("bank_card", rf"(?:{cue['bank_card']})[^\n0-9A-Za-z。！？]{{0,8}}(\d(?:[ \-.·]?\d){{11,21}}){_RIGHT}"),
            ("phone", rf"(?:{cue['phone']}){near}(\d{{3,4}}[\s\-]?\d{{4}}(?:[\s\-]?\d{{1,4}})?){_RIGHT}"),
            ("phone", rf"(?:{cue['phone']}){near}(1[3-9]\d(?:[\s,，、/\\|+]{{1,3}}\d{{4}}){{2}}){_RIGHT}"),
            ("order", rf"(?:{cue['order']}){near}([0-9A-Za-z\-]{{6,32}}){_RIGHT}"),
            (
                "order",
                rf"(?:{_CARRIERS})[^0-9A-Za-z\n。，]{{0,4}}([A-Za-z]{{0,3}}\d{{10,20}}){_RIGHT}",
            ),
            (
                "account",
                rf"(?:{cue['account']})(?:\s?(?:号|號|id|uid|账号|帳號|搜索|搜|是|叫)*[\s\"'”]{{0,2}}[:：=][\s\"'“]{{0,3}}@?([A-Za-z0-9_.\-]{{4,30}})"
                rf"|(?:{near}|\s?uid\s?)@?({no_day}(?=[A-Za-z0-9_.\-]{{0,29}}[0-9_])[A-Za-z0-9_.\-]{{5,30}}))(?![A-Za-z0-9_]|\s?[次播粉赞讚人个元块万年月日])",
            ),
            ("account", rf"(?<![A-Za-z0-9_])(?:u?id|@)\s?(?:号|是|:|：|\s)\s?({own}){end}"),
            ("birth", rf"(?:{cue['birth']})\s?(?:是|为|為|于|於|在|[:：])?\s?({_BIRTH})"),
            ("birth", rf"(?<![0-9])({_BIRTH})\s?(?:出生(?!率)|的生日|生的|生人|生于)"),
            ("address", rf"(?:{cue['address']})\s?[:：]\s?(?!〔)([^\n。；;]{{6,80}})"),
            (
                "address",
                rf"(?:{cue['address']})(?:是|在|到)?\s?(?!〔)((?=[^\n。；;！!？?，,]{{6}}){_LED_TO}"
                rf"(?:(?:[路街道巷弄村园苑城府区里座栋幢组]|SOHO|[A-Z])\s?{_NUMBER}\s?{_UNIT}?|{_NUMBER}\s?(?:{_UNIT}|弄|巷)|[市省][\u4e00-\u9fff]{{1,7}}[区县])"
                rf"{_TAIL}(?:\s?[A-Z]?[0-9]{{1,5}}(?![0-9年月日点天岁次]))*)",
            ),
        )
    )


@lexicon.cached
def _cue_words() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Cue words in lower case to the kinds they announce: those to be found anywhere, and whole English words."""
    anywhere: dict[str, tuple[str, ...]] = {}
    for kind, words in (
        ("wechat", "v: v： v我 v❤ (v) （v） 加薇 加我薇 ➕薇 加威 加微 ➕微 vx wx"),
        ("qq", "q: q： 加q 我q 扣 ➕q +q"),
        ("birth", "生的 生人 生于"),
        ("order", _CARRIERS.replace("|", " ")),
    ):
        anywhere |= dict.fromkeys(words.split(), (kind,))
    english: dict[str, tuple[str, ...]] = {"v": ("wechat",), "w": ("wechat",), "id": ("account",), "uid": ("account",)}
    for row in lexicon.read_table("contacts"):
        for word in filter(None, widths(row["cues"]).lower().split("|")):
            table = english if re.fullmatch("[a-z]+", word) else anywhere
            table[word] = (*table.get(word, ()), row["kind"])
    return anywhere, english


@lexicon.cached
def _address_lead() -> re.Pattern:
    """Words that lead to an address and are not part of it: 寄到, 家住, 我在."""
    return re.compile(rf"(?:{_cues()['address']}|我们|我|你|现在|就|都|[在到去是往从住搬约])+")


def _announced_kinds(lowered: str) -> set[str]:
    """Kinds whose cue stands in a text, so that fifteen searches are made only where they can find something."""
    anywhere, english = _cue_words()
    if _SPLIT.search(lowered):
        lowered += _APART.sub("", lowered)
    kinds = {kind for word, kinds in anywhere.items() if word in lowered for kind in kinds}
    if tokens := set(_ENGLISH.findall(lowered)):
        kinds.update(kind for token in tokens for kind in english.get(token, ()))
    return kinds


def find_contacts(text: str) -> list[Contact]:
    """Every contact detail of a text, in order, not overlapping: where two meet, the one found first by kind."""
    if len(text) < 5:
        return []
    runs = _RUN.search(text)
    spelt = _SPELT_RUN.search(text)
    house = _is_placed(text)
    born = "生" in text and _BORN.search(text)
    if not runs and not spelt and not house and not born and not any(word in text for word in _FOLLOWED):
        return []
    return _found(text)


def _is_placed(text: str) -> bool:
    """Whether something in the text may be a house or a village."""
    return bool(_HOUSE.search(text) or _BLOCK.search(text) or _DOWN_TO_VILLAGE.search(text))


@lexicon.cached
def _plain_table() -> dict[int, str]:
    """Half width, and digits of any dress, dashes and invisible characters as one of each, character for character."""
    table = dict(width_table())
    table |= {0x1D7CE + place: str(place % 10) for place in range(50)}
    table |= dict.fromkeys((*range(0x2010, 0x2014), 0x2212), "-")
    return table | dict.fromkeys((0xAD, *range(0x200C, 0x2010), 0x2060, 0xFEFF), "\u200b")


def _found(text: str) -> list[Contact]:
    folded = text.translate(_plain_table()) if _WIDE.search(text) else text
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

    if "." in folded and ("/" in folded or ".com" in folded or ".cn" in folded) or "://" in folded:
        for match in _URL.finditer(folded):
            end = match.end() - len(tail[0]) if (tail := _URL_END.search(match[0])) else match.end()
            if not _BARE_URL.match(folded[match.start() : end]):
                add(match.start(), end, "payment" if _is_payment(folded[match.start() : end]) else "link")
    if any(sign in folded for sign in _AT_SIGNS):
        for pattern in (_EMAIL, _mail_spelt()):
            for match in pattern.finditer(folded):
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
            if _grouped(match[0]) and _luhn_checks(match[0]):
                add(match.start(), match.end(), "bank_card")
        ids = [(match.start(), match.end()) for match in _HEX_ID.finditer(folded)]
        for pattern in (_MOBILE, _MOBILE_WITH_O, _ABROAD, _LANDLINE):
            for match in pattern.finditer(folded):
                if not any(start < match.end() and match.start() < end for start, end in ids):
                    add(match.start(), match.end(), "phone")
    if digits or _ID_LIKE.search(folded) or _BORN.search(folded) or any(word in folded for word in _FOLLOWED):
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
        for match in _LONG.finditer(folded):
            add(match.start(), match.end(), "order")
        for match in _ID_CARD.finditer(folded):
            if _ID_DATE.fullmatch(_digits_of(match[0])) and _grouped(match[0]):
                add(match.start(), match.end(), "order")
    if _is_placed(folded):
        for pattern in (_ROAD, _ESTATE, _BUILDING, _REGION):
            for match in pattern.finditer(folded):
                lead = _address_lead().match(folded, match.start(), match.end())
                start = lead.end() if lead else match.start()
                if not _is_day(folded, start, match.end()):
                    add(start, match.end(), "address")
    spelt = _SPELT_RUN.search(folded) or "\ufe0f" in folded or (digits and _SPELT_MIXED.search(folded))
    for match in _SPELT.finditer(folded) if spelt else ():
        number = match[0].translate(_TO_DIGITS)
        bare = _KEYCAP.sub("", number)
        for kind, start, end in _spelt_numbers(bare):
            whole = bare != number
            add(match.start() + (0 if whole else start), match.end() if whole else match.start() + end, kind)
    return sorted(found, key=lambda contact: contact.start)


def _spelt_numbers(number: str) -> Iterator[tuple[str, int, int]]:
    """Kind, start and end of the numbers in digits that were spelt out."""
    for match in _ID_CARD.finditer(number):
        if _id_checks(match[0]):
            yield "id_card", match.start(), match.end()
    for match in _CARD_NUMBER.finditer(number):
        if _grouped(match[0]) and _luhn_checks(match[0]):
            yield "bank_card", match.start(), match.end()
    for match in _MOBILE.finditer(number):
        yield "phone", match.start(), match.end()


@lexicon.cached
def _mail_spelt() -> re.Pattern:
    """Addresses that avoid the sign @: `moon at qq dot com`, `moon#163.com`; only of mail services the table knows."""
    services = next(row["cues"] for row in lexicon.read_table("contacts") if row["kind"] == "email")
    user = r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9][A-Za-z0-9.%+]{0,30}(?:_(?!at_)[A-Za-z0-9.]{1,30}?){0,3}"
    end = r"(?:com|cn|net|org|me|tw|hk)(?:\.cn|\.tw|\.hk)?(?![A-Za-z0-9])"
    return re.compile(
        rf"{user}(?:(?:\s?(?:艾特|圈a|🌀|#|@)\s?|[_\-]at[_\-]|(?-i:AT))(?:vip\.)?(?:{services}){_DOT}{end}"
        rf"|\sat\s(?:{services})\sdot\s{end})"
        # "look at qq.com" is a sentence: with plain words between, the name must look like one.
        rf"|(?=[A-Za-z.%+]{{0,30}}[0-9_]){user}\sat\s(?:vip\.)?(?:{services}){_DOT}{end}",
        re.IGNORECASE,
    )


def _is_day(text: str, start: int, end: int) -> bool:
    """Whether what looks like a road and its number is a day, or no road: 上路12号再说, 走到半路3号."""
    found = text[start:end]
    if not _DAY_OF_MONTH.search(found) or _PLACE_WORDS.search(found):
        return False
    return bool(_WAY.search(found)) or not _AFTER_HOUSE.match(text, end)


_WAY = re.compile(
    rf"(?:^|[上半一小大走后前出退思套网铁生天公岔弯问赶带领让认迷同顺死活回归来去条段有没无的这那心情财官门线电逛扫骂游过压到在个])(?:路|街|道|村|巷)\s?[0-9{NUMERALS}]+\s?[号號]$"
)


def _is_payment(url: str) -> bool:
    return bool(re.search(rf"(?<![a-z])(?:{_cues()['payment']})(?![a-z])", url.lower()))
