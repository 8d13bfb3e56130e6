"""IAM statements as plain values: merging and packing them, and searching what they allow together. No AWS CDK."""
