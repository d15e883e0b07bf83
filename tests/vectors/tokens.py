#!/usr/bin/env python3
"""Computes the token vectors of tests/vectors/tokens.rs with Python's standard library alone: no code is shared with the gateway.

    python3 tests/vectors/tokens.py            prints the constants as Rust
    python3 tests/vectors/tokens.py --check    fails when the committed constants differ
"""

import hashlib
import hmac
import pathlib
import re
import sys
import zlib

MASTER = bytes(range(32))
KID = 1
ORG = bytes([0x11] * 16)
OWNER = bytes(range(16, 32))
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LEAK = r"\bw[kt]_(?:live|test)_[0-7][0-9a-hjkmnp-tv-z]{25}_[0-9A-Za-z]{49}\b"


def mac(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def purpose(label):
    """HKDF-SHA-256 of RFC 5869, one block."""
    extracted = mac(b"walaa/v1/master", MASTER)
    return mac(extracted, b"walaa/v1/" + label + b"\0" + ORG + b"\x01")


def crockford(data):
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return "".join(CROCKFORD[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))


def id_letters(data):
    """Ids are right-aligned: 26 letters of a 128-bit number."""
    number = int.from_bytes(data, "big")
    return "".join(CROCKFORD[(number >> (5 * place)) & 31] for place in reversed(range(26))).lower()


def base62(number, letters):
    text = ""
    for _ in range(letters):
        number, rest = divmod(number, 62)
        text = BASE62[rest] + text
    return text


def owned(label, kind, generation):
    return mac(purpose(label), bytes([kind]) + OWNER + generation.to_bytes(8, "big"))


def gf32(left, right):
    product = 0
    for bit in range(5):
        if right >> bit & 1:
            product ^= left << bit
    for bit in range(8, 4, -1):
        if product >> bit & 1:
            product ^= 0b100101 << (bit - 5)
    return product


def typed(generation):
    bits = int.from_bytes(owned(b"typed-code", 5, generation)[:8], "big")
    values = [bits >> (59 - 5 * place) & 31 for place in range(10)]
    check, weight = 0, 1
    for value in values:
        weight = gf32(weight, 2)
        check ^= gf32(weight, value)
    return values, "".join(CROCKFORD[value] for value in values + [check])


def prefixed(text):
    return len(text).to_bytes(8, "big") + text.encode()


def key_text(start, secret):
    text = start + id_letters(OWNER) + "_" + base62(int.from_bytes(secret, "big"), 43)
    text += base62(zlib.crc32(text.encode()), 6)
    assert re.search(LEAK, f"key={text};")
    return text


def vectors():
    jti = owned(b"token-id", 1, 7)[:16]
    tag = mac(purpose(b"w1-tag"), b"w1" + bytes([1, KID]) + ORG + jti)[:8]
    redemption = bytes(range(32, 48))
    values, code = typed(7)
    apple = mac(purpose(b"apple-authentication"), prefixed("pass.example.walaa") + prefixed("serial-1"))
    yield "CARD_JTI", jti.hex()
    yield "VOUCHER_JTI", owned(b"token-id", 3, 7)[:16].hex()
    yield "CARD_HASH", hashlib.sha256(jti).hexdigest()
    yield "CARD_W1", "W1" + crockford(bytes([1, KID]) + jti + tag)
    yield "PASS_LINK", id_letters(owned(b"link", 1, 2)[:16])
    yield "CARD_LINK", id_letters(owned(b"link", 2, 2)[:16])
    yield "APPLE_TOKEN", crockford(apple)
    yield "EMAIL_HASH", mac(purpose(b"identity"), b"\x01name@example.com").hex()
    yield "PHONE_HASH", mac(purpose(b"identity"), b"\x02+96550001234").hex()
    yield "KEY_TEXT", key_text("wk_live_", owned(b"key-secret", 0, 3))
    yield "TERMINAL_TEXT", key_text("wt_test_", owned(b"terminal-secret", 0, 3))
    yield "TYPED_CODE", code
    yield "TYPED_HASH", mac(purpose(b"typed-lookup"), bytes(values)).hex()
    marker = mac(purpose(b"capture-marker"), hashlib.sha256(jti).digest() + redemption)[:16]
    yield "MARKER", (bytes([KID]) + redemption + marker).hex()


def main():
    lines = [f'const {name}: &str = "{value}";' for name, value in vectors()]
    if "--check" in sys.argv:
        committed = pathlib.Path(__file__).with_suffix(".rs").read_text()
        missing = [line for line in lines if line not in committed]
        sys.exit("these differ from the committed constants:\n" + "\n".join(missing) if missing else 0)
    print("\n".join(lines))


main()
