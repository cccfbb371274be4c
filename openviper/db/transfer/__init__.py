"""Moving rows: from one database into another, into a file, out of a file.

Rows are moved as the columns of tables and never as instances, so no hook, event or ``auto_now`` has a part in it.
"""
