"""The loop that brings instances to what is wanted: begin, validate, observe, plan, apply, and again."""
