"""The custom-resource handler: associates instance profiles with instances that CloudFormation does not own.

It ships in other people's stacks, so it uses boto3 and the standard library only. The same package runs in
Lambda, in the tests and behind the command line.
"""
