"""Labels made of several words (`客人想问什么`, `抽了哪几张`, `我是怎么跟她讲的`): the field that they ask for, by the roles of
their words. The words are rows of noise.csv; labels of fields.csv have their field as role."""

KINDS = {
    "heading filler": "filler",
    "label lead": "filler",
    "heading reader": "reader",
    "heading cards": "card",
    "heading drawn": "draw",
    "label asks": "ask",
    "label tells": "tell",
    "label recipient": "to",
    "label client": "client",
    "label who": "who",
    "label what": "what",
    "label when": "date",
}
"""Kind of words in noise.csv -> role. If a word has several, the last counts."""

FIELDS = ("person", "question", "date", "cards", "spread", "content", "outcome", "consent", "ignored")
_DOING = ("ask", "draw", "tell")


def roles_in(label: str, roles: dict[str, str], longest: int) -> list[str]:
    """Return the roles of the words of a label without spaces, split into as few words as possible; [] if something is
    left over. longest: characters of the longest word. Time grows with the label's length only."""
    best: list[list[str] | None] = [[], *[None] * len(label)]
    for start in range(len(label)):
        if (before := best[start]) is None:
            continue
        for end in range(start + 1, min(start + longest, len(label)) + 1):
            role, found = roles.get(label[start:end]), best[end]
            if role and (found is None or len(before) + 1 < len(found)):
                best[end] = [*before, role]
    return best[-1] or []


def field_asked(roles: list[str]) -> str | None:
    """Return the field that a label of several words asks for; None if they ask for none, or for more than one.

    What a client does is no field of the person (`客人想问什么` is the question), and what a client says is no content.
    """
    named = [role for role in roles if role in FIELDS]
    about = {*named} - {"person"}
    if len(roles) < 2 or len(about) > 1 or about and named[-1] == "person":
        return None
    if about:
        return None if about == {"content"} and _client_speaks(roles) else about.pop()
    doing = {role for role in roles if role in _DOING}
    if "who" in roles or named and not doing:
        return None if "reader" in roles else "person"
    return _field_done(doing.pop(), roles) if len(doing) == 1 else None


def _field_done(verb: str, roles: list[str]) -> str | None:
    """Return the field of what somebody asks, draws or says (`抽了哪几张`, `她问的`)."""
    if verb == "draw":
        return "cards" if {"card", "what"} & {*roles} else None
    if verb == "ask":
        return "question" if "what" in roles else None
    answers = {"reader", "to"} & {*roles} and "what" in roles
    return "content" if answers and not _client_speaks(roles) else None


def _client_speaks(roles: list[str]) -> bool:
    """Check for a client to whom nothing is said: `她怎么说的`, not `怎么跟她说的`."""
    clients = [at for at, role in enumerate(roles) if role in ("client", "person")]
    return any("to" not in roles[:at] for at in clients)
