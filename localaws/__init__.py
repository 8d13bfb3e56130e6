"""A local AWS for the demo and the end-to-end tests. It is not part of the distribution."""
