"""``python -m cdk_instance_role.cli``, where the script ``instance-role`` is not on the path."""

from .run import main

main()
