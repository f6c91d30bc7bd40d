"""The steps of the benchmark of random chains."""
