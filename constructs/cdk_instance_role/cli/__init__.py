"""The command line ``instance-role``: what a deployment would do to real instances, and how deployed ones are.

Needs the extra ``cli`` of the distribution. Only ``reconcile`` changes anything in AWS: it sends messages to queues.
"""
