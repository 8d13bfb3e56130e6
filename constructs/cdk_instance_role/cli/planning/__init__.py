"""Live state and template put together: the plan and the status of every association."""
