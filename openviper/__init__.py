"""OpenViper: an async web framework for locked-down places."""
