"""What the deployment will say: the assembly, the templates in it and their values."""
