"""The calls of EC2, IAM, CloudWatch and CloudFormation: their order, their rate and their errors."""
