"""What each command does: one function a command, named as in `flows.cli.COMMANDS`. Heavy imports stay inside."""
