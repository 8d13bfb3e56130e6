"""From CloudFormation's event to a typed request."""
