"""The commands of `tarot`, one module for each group, each declared with its function (`flows.commands.declare`)."""
