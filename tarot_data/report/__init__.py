"""The quality report: `figures.measure` turns tables into figures, `page.write` figures into one HTML file."""
