"""Dataset versions: splits, prompts, examples, diff, export."""
