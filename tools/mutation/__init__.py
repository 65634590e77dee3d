"""Mutation testing of the product: one changed expression at a time, and which tests notice it (`./run mutate`)."""
