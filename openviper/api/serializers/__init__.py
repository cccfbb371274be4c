"""Serializers: classes that check what is received and write what is sent, of their own fields or of a model's."""
