"""The operator's commands, one module each; `root` puts them together."""
