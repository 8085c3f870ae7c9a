"""Local mode: PostgreSQL and Redis without installation, as root or not, on Unix sockets in a private folder.

The servers come from the wheels that the project locks, or from the machine. They run as children of one
supervisor; a second start carries on with the same data, whatever the first one died of.
"""
