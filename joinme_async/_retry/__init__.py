"""The rate-aware retry layer: when a call may go, what its answer means, and what follows."""
