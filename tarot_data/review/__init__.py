"""The workbench: a small web app over one data directory, for one person on one machine.

Pages are made on the server and work without scripts; nothing is fetched from elsewhere or sent away.
"""
