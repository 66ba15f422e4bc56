"""Notes: plain text, Markdown, Word files."""
