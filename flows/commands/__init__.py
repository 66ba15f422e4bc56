"""The commands of `tarot`, one module a group of them, each declared beside its function (`flows.commands.declare`)."""
