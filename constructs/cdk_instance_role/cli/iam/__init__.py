"""What a role may do, and how two sets of permissions differ. Nothing here calls AWS."""
