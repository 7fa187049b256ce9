import base64
from urllib.parse import quote

import pytest
from azure.iot.device.common.auth.sastoken import RenewableSasToken
from azure.iot.device.common.auth.signing_mechanism import SymmetricKeySigningMechanism
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.localhub.sas import make_token, sign, token_fault

KEY = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER_KEY = base64.b64encode(b"another key").decode()
RESOURCE = "hub.invalid/devices/vehicle 1/modules/agent"


def test_a_token_opens_its_resource_until_it_expires() -> None:
    token = make_token(RESOURCE, KEY, expiry_s=1000)
    assert token_fault(token, RESOURCE, KEY, now_s=999.9) is None
    assert token_fault(token, RESOURCE, KEY, now_s=1060.0) == "the token expired at 1000, 60 s ago"
    assert token_fault(token, RESOURCE, KEY, now_s=1000.0) is not None


def test_a_token_of_the_sdk_is_taken() -> None:
    key = SymmetricKeySigningMechanism(KEY)  # type: ignore[no-untyped-call]  # the SDK has no types
    token = RenewableSasToken(RESOURCE, key, ttl=60)  # type: ignore[no-untyped-call]
    assert token_fault(str(token), RESOURCE, KEY, now_s=token.expiry_time - 1) is None


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (make_token(RESOURCE, OTHER_KEY, 1000), "signed with another key"),
        (make_token("hub.invalid/devices/x", KEY, 1000), "the token is for 'hub.invalid/devices/x', not for"),
        (make_token(RESOURCE, KEY, 1000).replace("se=1000", "se=9000"), "signed with another key"),
        (make_token(RESOURCE, KEY, 1000) + "0", "signed with another key"),
        ("", "not a shared access signature"),
        ("SharedAccessSignature sr=a&sig=b", "not a shared access signature"),
        (f"SharedAccessSignature sr={RESOURCE}&sig=%C3%A4&se=1", "signed with another key"),
        (f"SharedAccessSignature sr={RESOURCE}&sig=a&se=1", "signed with another key"),
    ],
)
def test_a_token_that_does_not_fit_is_refused_with_the_reason(token: str, reason: str) -> None:
    assert reason in (token_fault(token, RESOURCE, KEY, now_s=0) or "")


def test_an_expiry_that_is_no_number_is_refused_though_well_signed() -> None:
    signature = quote(sign(KEY, b"r\nsoon"), safe="")
    token = f"SharedAccessSignature sr=r&sig={signature}&se=soon"
    assert "not a number of seconds" in (token_fault(token, "r", KEY, now_s=0) or "")


@given(st.text(max_size=60), st.text(max_size=10))
def test_any_text_is_judged(tail: str, expiry: str) -> None:
    assert token_fault(tail, RESOURCE, KEY, 0) is not None
    assert token_fault(f"SharedAccessSignature sr={RESOURCE}&sig={tail}&se={expiry}", RESOURCE, KEY, 0) is not None
