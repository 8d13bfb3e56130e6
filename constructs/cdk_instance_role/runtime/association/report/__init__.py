"""What people read: messages for CloudFormation, log lines and metrics."""
