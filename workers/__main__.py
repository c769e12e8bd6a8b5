"""`python -m workers` is the `wireroom` command."""

from workers.cli import main

main()
