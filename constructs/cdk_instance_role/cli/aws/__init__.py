"""What the command line needs of AWS: credentials, clients, and looks that may be denied."""
