"""Token estimates without a tokenizer, for plan, report and dataset.

Counted with the Qwen2 tokenizer (Qwen, R1-Distill-Qwen) over the 192 annotated readings: 0.714 tokens per character in
the readings, 0.726 with their prompts. A single reading has 0.35 (English) to 0.89 (traditional Chinese, many marks).
`python -m benchmarks.tokens` repeats the count.
"""

TOKENS_PER_CHAR = 0.72
"""Mean tokens per character of reading and prompt."""

MOST_TOKENS_PER_CHAR = 0.9
"""Upper bound of tokens per character, above the 0.89 counted."""


def surely(text: str) -> int:
    """Return an upper bound of the tokens of a text."""
    return round(MOST_TOKENS_PER_CHAR * len(text) + 0.5)
