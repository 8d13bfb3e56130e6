"""Enforcement: messages come in, one look at each association that they are about, and repairs go out."""
