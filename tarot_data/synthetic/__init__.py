"""Made-up readings and files."""
