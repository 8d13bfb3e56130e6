"""The accounts and Regions of a command: which there are, what is around their stacks, and a look at all at once."""
