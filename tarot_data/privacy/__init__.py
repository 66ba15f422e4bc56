"""Contact details, names and the list of forgotten persons."""
