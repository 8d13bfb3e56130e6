"""Pure decisions: from what is observed and what is wanted to steps. Nothing here calls AWS."""
