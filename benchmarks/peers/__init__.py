"""What does the same job: ours, and what people use instead. Each is run for a job, a count and a seed."""
