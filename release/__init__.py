"""What a release needs: its checks, its files and the list of its dependencies."""
