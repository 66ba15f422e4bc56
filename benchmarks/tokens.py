"""Tokens per character of the annotated readings by a real tokenizer: the figures of schemas/token_estimate.py.

python -m benchmarks.tokens TOKENIZER_FOLDER
"""

import sys
from pathlib import Path

from tarot_data.dataset.prompt import prompt_for
from tarot_data.patterns import gold, train


def main(folder: Path) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    readings = gold.read_all(train.ANNOTATED) + gold.read_all(train.ANNOTATED / train.MORE)
    pairs = []
    for reading in readings:
        draws = [{"draw": 1, "spread": reading.get("spread")}]
        pairs.append(
            (prompt_for(reading.get("person"), reading.get("question"), draws, reading["cards"]), reading["content"])
        )
    counted = [[len(tokenizer.encode(text, add_special_tokens=False).ids) for text in pair] for pair in pairs]
    rates = sorted(tokens[1] / len(pair[1]) for tokens, pair in zip(counted, pairs, strict=True))
    chars = [sum(len(pair[place]) for pair in pairs) for place in (0, 1)]
    tokens = [sum(both[place] for both in counted) for place in (0, 1)]
    print(f"readings                  {len(readings)}")
    print(
        f"tokens a character        {tokens[1] / chars[1]:.3f} in readings, {sum(tokens) / sum(chars):.3f} with prompts"
    )
    print(f"of one reading            {rates[0]:.2f} to {rates[-1]:.2f}, median {rates[len(rates) // 2]:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
