"""What the product is measured against. Frozen: nothing here imports the product, and nothing here gets slower."""
