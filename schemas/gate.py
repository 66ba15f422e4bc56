"""What the gate says to a person, the same in the command, in the server's artifacts and on the report's page."""

from schemas.messages import say


def explain(opened: dict, lang: str) -> list[str]:
    """The gate in sentences, numbers in them: one that it is open, or one for each thing missing; made-up readings last."""
    lines = [say(f"gate.{code}", lang, **_shown(opened)) for code in opened["shut"] or ["open"]]
    if opened["made_up"]:
        lines.append(say("gate.made_up", lang, **_shown(opened)))
    return lines


def _shown(opened: dict) -> dict:
    return opened | {"coverage": f"{100 * (opened['coverage'] or 0):.1f}", "floor": f"{100 * opened['floor']:.0f}"}
