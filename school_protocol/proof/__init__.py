"""The exhaustive proof of a definition, its replay and its mutants: an author's tool, called before publishing."""
