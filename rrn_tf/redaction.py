"""Leaves secrets out of text that is shown or kept: passwords and signatures in addresses, and values of options."""

from __future__ import annotations

import re

HIDDEN = "***"
_ADDRESS = r"(\b[a-zA-Z][\w+.-]*://"
_USER = re.compile(rf"{_ADDRESS})[^\s/@'\"]*@")
_QUERY = re.compile(rf"{_ADDRESS}[^\s?'\"]*\?)[^\s'\"]*=[^\s'\"]*[^\s'\":,;]")
_OPTION = re.compile(
    r"(?i)(--?[\w-]*(?:secret|password|passwd|token|credential|access_key|api_key)[\w-]*[= ])[^\s'\"]+"
)


def without_secrets(text: str) -> str:
    """Returns a text in which names and passwords of addresses, their queries and values of secret options are hidden.

    Args:
      text: any text, such as a message, a path or options.

    Example:
      >>> without_secrets("https://ann:pass@host/a.csv?signature=b4c5 and --s3_secret_access_key=d6e7")
      'https://***@host/a.csv?*** and --s3_secret_access_key=***'
      >>> without_secrets("gs://bucket/part-?.csv")
      'gs://bucket/part-?.csv'
    """
    for hidden, shown in ((_USER, rf"\1{HIDDEN}@"), (_QUERY, rf"\1{HIDDEN}"), (_OPTION, rf"\1{HIDDEN}")):
        text = hidden.sub(shown, text)
    return text
