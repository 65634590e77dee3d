"""Where sealed bytes lie: in a folder, in rows, or in an object store; the same to whoever keeps them."""
