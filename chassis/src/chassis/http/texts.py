"""The texts that people write: one line, or some paragraphs; no control characters, which would end up in mails."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints


def _one_line(written: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in written):
        raise ValueError("must be one line, without control characters")
    return written


def _paragraphs(written: str) -> str:
    text = written.replace("\r\n", "\n")
    if any(unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t" for character in text):
        raise ValueError("must not have control characters")
    return text


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_one_line)]
"""A name or a title."""

Paragraphs = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000), AfterValidator(_paragraphs)]
"""A description; may be empty."""
