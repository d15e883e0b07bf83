#!/usr/bin/env python3
"""Checks callbacks as Google says that they are to be checked (ECv2SigningOnly), with nothing but `cryptography`.

    verify_callback.py ISSUER NOW_MILLIS < lines

The first line is what the address of the root keys answers; each line after it is a callback's body. For each one line is
printed: the event and the object, or why it is refused.
"""

import base64
import json
import struct
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SENDER, PROTOCOL = "GooglePayPasses", "ECv2SigningOnly"


def joined(*texts):
    parts = [text.encode() for text in texts]
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def key(text):
    loaded = serialization.load_der_public_key(base64.b64decode(text))
    assert isinstance(loaded.curve, ec.SECP256R1)
    return loaded


def signed(public, signature, message):
    try:
        public.verify(base64.b64decode(signature), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def verify(roots, issuer, now, text):
    assert "\\u003d" in text, "real messages escape their equals signs"
    body = json.loads(text)
    if set(body) != {"protocolVersion", "signature", "intermediateSigningKey", "signedMessage"} or body["protocolVersion"] != PROTOCOL:
        return "protocol"
    inter = body["intermediateSigningKey"]
    live = [root for root in roots["keys"] if root["protocolVersion"] == PROTOCOL and int(root["keyExpiration"]) > now]
    chained = joined(SENDER, PROTOCOL, inter["signedKey"])
    if not any(signed(key(root["keyValue"]), one, chained) for root in live for one in inter["signatures"]):
        return "root"
    signing = json.loads(inter["signedKey"])
    if int(signing["keyExpiration"]) <= now:
        return "intermediate"
    if not signed(key(signing["keyValue"]), body["signature"], joined(SENDER, issuer, PROTOCOL, body["signedMessage"])):
        return "message"
    message = json.loads(body["signedMessage"])
    if message["expTimeMillis"] <= now:
        return "expired"
    assert message["objectId"].startswith(issuer + ".") and len(message["nonce"]) == 36, message
    return f"{message['eventType']} {message['objectId']} {message['classId']}"


def main():
    issuer, now = sys.argv[1], int(sys.argv[2])
    roots, *bodies = sys.stdin.read().splitlines()
    for body in bodies:
        print(verify(json.loads(roots), issuer, now, body))


if __name__ == "__main__":
    main()
