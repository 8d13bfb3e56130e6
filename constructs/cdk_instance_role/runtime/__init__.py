"""The asset of the Lambda function: what is in this folder is what Lambda gets."""
