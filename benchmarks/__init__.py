"""Measurements of the package: ratios within one run, never bare times, since machines differ and are noisy."""
