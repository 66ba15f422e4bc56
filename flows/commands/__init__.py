"""The commands of `tarot`, one module for each group, each declared with its function (`flows.commands.declare`).

At the top a module imports only what declares its commands. What reads tables or loads models is imported inside the
functions: `tarot COMMAND --help` takes 0.15 s so, and 0.65 s with polars and numpy.
"""
