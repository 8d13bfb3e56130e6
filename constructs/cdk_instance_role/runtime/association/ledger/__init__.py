"""The durable record of previous profiles and operations, in a DynamoDB table."""
