"""The app of this repository: roles for existing instances, configured in CDK context."""
