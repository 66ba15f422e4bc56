"""Raw files to raw records."""
