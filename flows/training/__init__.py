"""Training flows: plan, gate, train, compare, generate."""
