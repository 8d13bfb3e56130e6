"""How fast it is, beside its peers and its limits. It is not part of the distribution."""
