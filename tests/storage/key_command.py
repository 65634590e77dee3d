"""A command that holds master keys, as an operator's key service would: one JSON object a line, in and out.

Each answer says the "id" of its question again, and nothing else is printed.

`python key_command.py RING.json [fault]`: the ring is a file of its own; the fault is for tests.
"""

import base64
import json
import os
import sys
import time
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

RING = Path(sys.argv[1])
FAULT = sys.argv[2] if len(sys.argv) > 2 else ""


def ring() -> dict[int, bytes]:
    if not RING.exists():
        keep({1: os.urandom(32)})
    return {int(number): base64.b64decode(key) for number, key in json.loads(RING.read_text()).items()}


def keep(keys: dict[int, bytes]) -> None:
    beside = RING.with_suffix(".new")
    beside.write_text(json.dumps({number: base64.b64encode(key).decode() for number, key in keys.items()}))
    beside.rename(RING)


def answer(asked: dict) -> dict:
    return {**given(asked), "id": asked["id"]}


def given(asked: dict) -> dict:
    keys = ring()
    if asked["do"] == "status":
        return {"current": max(keys), "numbers": sorted(keys)}
    if asked["do"] == "add":
        keep({**keys, max(keys) + 1: os.urandom(32)})
        return {"current": max(keys) + 1}
    if asked["do"] == "remove":
        keep({number: key for number, key in keys.items() if number != asked["master"]})
        return {}
    number = asked.get("master", max(keys))
    if number not in keys:
        return {"error": "no such key", "sealed": True}
    bound = f"{asked['label']}|{number}".encode("utf-8", "surrogatepass")
    if asked["do"] == "wrap":
        nonce = os.urandom(12)
        wrapped = nonce + AESGCM(keys[number]).encrypt(nonce, base64.b64decode(asked["key"]), bound)
        return {"master": number, "wrapped": base64.b64encode(wrapped).decode()}
    wrapped = base64.b64decode(asked["wrapped"])
    try:
        key = AESGCM(keys[number]).decrypt(wrapped[:12], wrapped[12:], bound)
    except InvalidTag:
        return {"error": "not wrapped by this key for this label", "sealed": True}
    return {"key": base64.b64encode(key).decode()}


def spoilt(asked: dict) -> str:
    told = answer(asked)
    if FAULT == "slow":
        time.sleep(60)
    if FAULT == "dies":
        sys.exit(3)
    if FAULT == "refuses":
        return json.dumps({"id": asked["id"], "error": "the service is locked"})
    if FAULT == "babbles":
        return "certainly!"
    if FAULT == "empty":
        return json.dumps({"id": asked["id"]})
    if FAULT == "nameless":
        return json.dumps({name: value for name, value in told.items() if name != "id"})
    if FAULT == "shifted":
        return json.dumps({**told, "id": "0" * 16})
    if FAULT == "other key" and asked["do"] == "wrap":
        return json.dumps(answer({**asked, "key": base64.b64encode(os.urandom(32)).decode()}))
    if FAULT == "other label" and asked["do"] == "wrap":
        return json.dumps(answer({**asked, "label": "case:another"}))
    if FAULT == "echoes" and asked["do"] == "wrap":
        return json.dumps({"id": asked["id"], "master": 1, "wrapped": asked["key"]})
    if FAULT == "floods":
        return "x" * 200_000
    if FAULT == "once" and asked["do"] != "wrap":
        print(json.dumps(told), flush=True)
        sys.exit(0)
    return json.dumps(told)


for line in sys.stdin:
    print(spoilt(json.loads(line)), flush=True)
    if FAULT == "logs" and '"unwrap"' in line:
        time.sleep(0.02)
        print("token renewed", flush=True)
