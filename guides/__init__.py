"""Quick guides for each role, made with pictures of the demo: a tool of whoever makes the product, with a browser."""
