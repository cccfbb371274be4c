"""The manual as a web site: rendered from Markdown, searched and served without a network."""
