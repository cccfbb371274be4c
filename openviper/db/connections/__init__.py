"""Being connected: URLs, options, drivers, pools."""
