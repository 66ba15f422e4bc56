"""Notion exports: Markdown, HTML, archives."""
