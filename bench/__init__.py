"""Measurements of the product beside frozen baselines, as ratios of one run: `./run bench`. Nothing is asserted."""
