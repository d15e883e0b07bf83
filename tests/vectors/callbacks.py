#!/usr/bin/env python3
"""Callbacks signed as Google signs them (ECv2SigningOnly), by the `cryptography` package: shares no code with the gateway.

    python3 tests/vectors/callbacks.py            writes callbacks.json beside this file
    python3 tests/vectors/callbacks.py --check    fails when the committed file differs

Keys are fixed and signatures deterministic (RFC 6979), so that the file is the same each time. The keys protect nothing.
"""
import base64
import datetime
import json
import pathlib
import struct
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NOON = int(datetime.datetime(2026, 10, 21, 7, 28, tzinfo=datetime.timezone.utc).timestamp() * 1000)
HOUR = 3_600_000
DAY = 24 * HOUR
ISSUER = "3388000000022141777"
OTHER = "3388000000022211970"
SENDER = "GooglePayPasses"
PROTOCOL = "ECv2SigningOnly"


def key(number, curve=None):
    return ec.derive_private_key(0x5EED0000 + number, curve or ec.SECP256R1())


ROOT, NEXT_ROOT, STRANGER, INTERMEDIATE, BIG = key(1), key(2), key(3), key(4), key(5, ec.SECP384R1())


def spki(private):
    der = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def prefixed(*texts):
    return b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in texts)


def sign(private, *texts):
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    return base64.b64encode(private.sign(prefixed(*texts), algorithm)).decode()


def google(text):
    """Google's JSON writer escapes = in strings; the escape is part of what is signed."""
    return text.replace("=", "\\u003d")


def listed(private, expires=NOON + DAY, protocol=PROTOCOL):
    entry = {"keyValue": spki(private), "protocolVersion": protocol}
    return entry if expires is None else {**entry, "keyExpiration": str(expires)}


def told(**changes):
    message = {
        "classId": f"{ISSUER}.coffee", "objectId": f"{ISSUER}.card-1.a", "eventType": "save",
        "expTimeMillis": NOON + HOUR, "count": 1, "nonce": "c1359b53-f2bb-4e8f-b392-9a560a21a9a0",
    }
    message.update(changes)
    return {name: value for name, value in message.items() if value is not None}


def callback(message, **how):
    text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    inner = {"keyValue": spki(how.get("named", INTERMEDIATE)), "keyExpiration": how.get("key_expires", str(NOON + 7 * DAY))}
    inner = {name: value for name, value in inner.items() if value is not None}
    signed_key = how.get("signed_key", google(json.dumps(inner, separators=(",", ":"))))
    signers = how.get("roots", [ROOT])
    sender, issuer, protocol = how.get("sender", SENDER), how.get("issuer", ISSUER), how.get("protocol", PROTOCOL)
    body = {
        "signature": sign(how.get("by", INTERMEDIATE), sender, issuer, protocol, text),
        "intermediateSigningKey": {
            "signedKey": signed_key,
            "signatures": [sign(root, sender, protocol, signed_key) for root in signers],
        },
        "protocolVersion": protocol,
        "signedMessage": text,
    }
    body.update(how.get("beside", {}))
    return google(json.dumps(body, separators=(",", ":")))


def twice(message, name, value):
    """The same JSON object with one more member of a name that it has already."""
    return message[:-1] + f',"{name}":{json.dumps(value)}}}'


def case(message, outcome, roots=None):
    return {"message": message, "roots": {"keys": roots or [listed(ROOT)]}, "outcome": outcome}


def cases():
    good, compact = callback(told()), json.dumps(told(), separators=(",", ":"))
    arabic = told(note="بطاقة ولاء ☕", classId=f"{ISSUER}.coffee")
    return {
        "save": case(good, "save"),
        "delete": case(callback(told(eventType="del", nonce="1a9e3df0-ec10-4a17-8b39-89d2d7f48e3b")), "del"),
        "count missing": case(callback(told(count=None)), "save"),
        "texts beyond ASCII": case(callback(arabic), "save"),
        "members that nobody knows": case(callback(told(holder={"a": [1]}), beside={"newMember": {"b": None}}), "save"),
        "numbers as texts and texts as numbers": case(callback(told(expTimeMillis=str(NOON + HOUR)), key_expires=NOON + DAY), "save"),
        "message with white space": case(callback(json.dumps(told(), indent=2)), "save"),
        "second of two signatures": case(callback(told(), roots=[STRANGER, ROOT]), "save"),
        "second of two roots": case(good, "save", [listed(STRANGER), listed(ROOT)]),
        "roots beside which others are odd": case(good, "save", [
            {"keyValue": "x", "protocolVersion": PROTOCOL, "keyExpiration": str(NOON + DAY)}, {}, 5,
            listed(STRANGER, protocol="ECv1"), listed(BIG), listed(ROOT)]),
        "root expired": case(good, "no_root_key", [listed(ROOT, NOON)]),
        "root expired beside a good one": case(good, "intermediate_signature", [listed(ROOT, NOON), listed(STRANGER)]),
        "root without an end": case(good, "intermediate_signature", [listed(ROOT, None), listed(STRANGER)]),
        "root for another protocol": case(good, "intermediate_signature", [listed(ROOT, protocol="ECv2"), listed(STRANGER)]),
        "stranger's root": case(callback(told(), roots=[STRANGER]), "intermediate_signature"),
        "no signature": case(callback(told(), roots=[]), "intermediate_signature"),
        "sender of another service": case(callback(told(), sender="Google"), "intermediate_signature"),
        "another protocol": case(callback(told(), protocol="ECv1"), "protocol"),
        "intermediate expired": case(callback(told(), key_expires=str(NOON)), "intermediate_expired"),
        "intermediate without an end": case(callback(told(), key_expires=None), "intermediate_malformed"),
        "intermediate on another curve": case(callback(told(), named=BIG, by=BIG), "intermediate_malformed"),
        "intermediate that is no JSON": case(callback(told(), signed_key="x"), "intermediate_malformed"),
        "signed by a stranger": case(callback(told(), by=STRANGER), "message_signature"),
        "signed by the root itself": case(callback(told(), by=ROOT), "message_signature"),
        "signed for another issuer": case(callback(told(), issuer=OTHER), "message_signature"),
        "signed for another issuer, about his": case(
            callback(told(classId=f"{OTHER}.c", objectId=f"{OTHER}.o"), issuer=OTHER), "message_signature"),
        "class of another issuer": case(callback(told(classId=f"{OTHER}.coffee")), "foreign_issuer"),
        "object of another issuer": case(callback(told(objectId=f"{OTHER}.card")), "foreign_issuer"),
        "issuer that begins like ours": case(callback(told(objectId=f"{ISSUER}7.card")), "foreign_issuer"),
        "issuer with a sign before it": case(callback(told(objectId=f"+{ISSUER}.card")), "foreign_issuer"),
        "message expired": case(callback(told(expTimeMillis=NOON)), "expired"),
        "message without an end": case(callback(told(expTimeMillis=None)), "malformed"),
        "message with two nonces": case(callback(twice(compact, "nonce", "x")), "malformed"),
        "message with two objects": case(callback(twice(compact, "objectId", f"{ISSUER}.b")), "malformed"),
        "message that is no object": case(callback("[]"), "malformed"),
        "two messages": case(twice(good, "signedMessage", compact), "malformed"),
        "two signatures of one name": case(twice(good, "signature", "x"), "malformed"),
        "no signed message": case(json.dumps({k: v for k, v in json.loads(good).items() if k != "signedMessage"}), "malformed"),
        "message that is an object itself": case(callback(told(), beside={"signedMessage": told()}), "malformed"),
        "two JSON texts": case(good + good, "malformed"),
        "kind of event that nobody knows": case(callback(told(eventType="share")), "unknown_kind"),
        "pass without class and object": case(callback(told(classId=None, objectId=None, passId="p")), "unknown_kind"),
        "no nonce": case(callback(told(nonce=None)), "unknown_kind"),
        "empty nonce": case(callback(told(nonce="")), "malformed"),
        "signed by the next root": case(callback(told(), roots=[NEXT_ROOT]), "save", [listed(NEXT_ROOT)]),
    }


def main():
    path = pathlib.Path(__file__).with_suffix(".json")
    document = {"at": NOON, "issuer": ISSUER, "expires": NOON + HOUR, "cases": cases()}
    text = json.dumps(document, indent=1, ensure_ascii=True) + "\n"
    if "--check" in sys.argv:
        sys.exit(0 if path.read_text() == text else f"{path} differs from what this script makes")
    path.write_text(text)


if __name__ == "__main__":
    main()
