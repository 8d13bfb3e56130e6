"""The IAM policies of the handler: generated from the associations, packed, and checked."""
