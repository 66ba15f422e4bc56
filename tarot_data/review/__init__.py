"""The workbench: a small web app over one data directory, for one person on one machine.

Pages are made on the server and work without script; nothing is fetched from elsewhere and nothing leaves.
"""
