"""What a provider consists of, under the rules of a company: functions, ledger, log group and provider framework."""
