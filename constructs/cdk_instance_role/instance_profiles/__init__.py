"""The instance profiles that constructs create, and those that users name: their paths, names and roles."""
