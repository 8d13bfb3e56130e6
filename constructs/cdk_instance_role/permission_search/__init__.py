"""What a set of IAM statements allows together, in any sequence of calls."""
