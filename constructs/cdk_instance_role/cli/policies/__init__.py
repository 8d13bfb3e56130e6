"""The policies that templates declare, and how a deployment changes those of a role."""
