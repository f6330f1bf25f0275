"""The `firstpass` command: one module per subcommand."""
