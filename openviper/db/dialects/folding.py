"""Texts without case, alike on every database: Unicode's simple mapping to lower case, one character for one.

Accents stay: ``É`` is ``é`` and no ``e``. A dotted capital I (as in Turkish) is neither ``i`` nor ``ı``, so that an address
spelled with it is not taken for another one.
"""

from __future__ import annotations

DOTTED = "\u0130"
"""The one letter whose lower case, in full, is two characters."""
DOTTED_MARK = "\ue130"
"""Stands for it while texts are compared; a character for private use."""
MYSQL_COLLATION = "/*M!100200 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */"
"""Texts are equal when their characters are, spaces at the end included, as in the other databases.

MariaDB reads what stands in the first comment, MySQL what stands in the second
(https://mariadb.com/kb/en/comment-syntax/); neither knows the other's name.
"""


def folded(text: str) -> str:
    """Return a text as comparisons that ignore case see it."""
    if text.isascii():
        return text.lower()
    # Character by character: the lower case of a Greek sigma depends on what stands around it.
    return "".join([DOTTED_MARK if letter == DOTTED else letter.lower() for letter in text])
