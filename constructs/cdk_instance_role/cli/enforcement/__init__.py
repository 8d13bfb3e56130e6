"""Enforcement between deployments: how it is, what its next sweep does, and a sweep that is started by hand."""
