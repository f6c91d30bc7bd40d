"""What pruning costs while a model trains."""
