"""Cards and spreads: card lists, positions, mentions in prose."""
