"""The benchmark of permuted channels."""
