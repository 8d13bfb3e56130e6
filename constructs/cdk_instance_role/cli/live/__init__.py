"""What is deployed and what is live: stacks, ledgers, profiles and roles."""
