"""`python -m workers` is the `wireroom` command."""

from workers.cli.root import main

main()
