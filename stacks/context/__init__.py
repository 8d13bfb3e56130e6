"""The context of the app: its keys, and its values without what the CDK loses."""
