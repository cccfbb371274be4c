"""Modules of the public interface that span several floors; nothing is imported here."""
