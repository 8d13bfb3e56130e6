"""Pure decisions of enforcement: what has drifted, what may be repaired, and when to stop."""
