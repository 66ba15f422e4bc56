"""The quality report: `statistics.measure` turns tables into figures, `page.write` figures into one HTML file."""
