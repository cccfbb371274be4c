"""Forms for HTML pages, made of types: their controls, what was typed, and what is wrong with it."""
