"""Shared access signatures, as IoT Hub makes and checks them; pure, the time is an argument.

`SharedAccessSignature sr={resource}&sig={signature}&se={expiry}`: the signature is the HMAC-SHA256, in base64,
of the percent-encoded resource, a newline and the expiry in seconds since the Unix epoch.
"""

import base64
import binascii
import hmac
import re
from urllib.parse import quote, unquote

_SCHEME = "SharedAccessSignature "


def sign(key: str, data: bytes) -> str:
    """HMAC-SHA256 of `data` in base64; `key` is base64 too."""
    return base64.b64encode(hmac.digest(base64.b64decode(key), data, "sha256")).decode()


def make_token(resource: str, key: str, expiry_s: int) -> str:
    """A token for `resource`, e.g. `{host}/devices/{device}/modules/{module}`, good until `expiry_s`."""
    encoded = quote(resource, safe="")
    signature = quote(sign(key, f"{encoded}\n{expiry_s}".encode()), safe="")
    return f"{_SCHEME}sr={encoded}&sig={signature}&se={expiry_s}"


def token_fault(token: str, resource: str, key: str, now_s: float) -> str | None:
    """Why the token does not open `resource` now, as a sentence; None where it does."""
    fields = dict(part.split("=", 1) for part in token.removeprefix(_SCHEME).split("&") if "=" in part)
    if not token.startswith(_SCHEME) or not {"sr", "sig", "se"} <= fields.keys():
        return "the password is not a shared access signature"
    if unquote(fields["sr"]) != resource:
        return f"the token is for {unquote(fields['sr'])!r}, not for {resource!r}"
    if not _same_signature(unquote(fields["sig"]), sign(key, f"{fields['sr']}\n{fields['se']}".encode())):
        return "the token is signed with another key"
    if not re.fullmatch(r"[0-9]{1,18}", fields["se"]):
        return f"the token's expiry {fields['se']!r} is not a number of seconds"
    if int(fields["se"]) <= now_s:
        return f"the token expired at {fields['se']}, {now_s - int(fields['se']):.0f} s ago"
    return None


def _same_signature(given: str, expected: str) -> bool:
    try:
        return hmac.compare_digest(base64.b64decode(given, validate=True), base64.b64decode(expected))
    except binascii.Error:
        return False
    except ValueError:  # characters beyond ASCII
        return False
