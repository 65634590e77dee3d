"""Asks the site on this machine whether it lives, under the name by which people open it; ends with 1 where not."""

import http.client
import os
import sys
from urllib.parse import urlsplit

name = urlsplit(os.environ.get("SCHOOL_PROTOCOL_ADDRESS", "")).netloc or "localhost"
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=4)
try:
    connection.request("GET", "/alive", headers={"Host": name})
    answer = connection.getresponse()
    sys.exit(0 if (answer.status, answer.read()) == (200, b"alive\n") else 1)
except (OSError, http.client.HTTPException):
    sys.exit(1)
