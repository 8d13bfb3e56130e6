"""Helpers of the constructs: ARNs, names, tags, checks of arguments, and work at synthesis."""
