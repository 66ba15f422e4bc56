"""How many tokens a text has, where no tokenizer is at hand: one estimate for plan, report and dataset.

Counted with the Qwen2 tokenizer (Qwen, R1-Distill-Qwen) over the 192 annotated readings: 0.714 tokens a character in
the readings, 0.726 with their prompts. A single reading has 0.35 (English) to 0.89 (traditional Chinese, many marks).
`python -m benchmarks.tokens` counts again.
"""

TOKENS_PER_CHAR = 0.72
"""Of reading and prompt together, over many."""

MOST_TOKENS_PER_CHAR = 0.9
"""What the densest reading may cost: above the 0.89 counted. For what must fit whatever it is."""


def surely(text: str) -> int:
    """Tokens a text has at most, by the estimate."""
    return round(MOST_TOKENS_PER_CHAR * len(text) + 0.5)
