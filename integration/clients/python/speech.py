"""What both Python clients share with the test: records as JSON lines, in the form that go/main.go describes."""

import base64
import json
import signal
import sys
import time


def unpack(text):
    return None if text is None else base64.b64decode(text)


def pack(data):
    return None if data is None else base64.b64encode(data).decode()


def read_records():
    for line in sys.stdin:
        r = json.loads(line)
        yield {
            "key": unpack(r["key"]),
            "value": unpack(r["value"]),
            "headers": [(h["key"], unpack(h["value"])) for h in r["headers"] or []],
            "timestamp": r["timestamp"],
        }


def say(offset, key, value, headers, timestamp):
    print(json.dumps({
        "offset": offset, "key": pack(key), "value": pack(value), "timestamp": timestamp,
        "headers": [{"key": k, "value": pack(v)} for k, v in headers or []],
    }))


def soon(ask):
    """Repeats a question until it is answered with yes."""
    for _ in range(50):
        if ask():
            return True
        time.sleep(0.1)
    return False


def tell(partition, offset, key, value):
    print(json.dumps({"partition": partition, "offset": offset, "key": pack(key), "value": pack(value)}), flush=True)


class Stop:
    """Says whether SIGTERM has come."""

    def __init__(self):
        self.asked = False
        signal.signal(signal.SIGTERM, self.ask)

    def ask(self, *_):
        self.asked = True


def main(produce, consume, admin, group):
    verb, bootstrap, topic = sys.argv[1:4]
    if verb == "produce":
        partition, codec, idempotent = int(sys.argv[4]), sys.argv[5], sys.argv[6] == "true"
        for offset in produce(bootstrap, topic, partition, codec, idempotent, list(read_records())):
            print(json.dumps({"offset": offset}))
    elif verb == "consume":
        consume(bootstrap, topic, int(sys.argv[4]), sys.argv[5], int(sys.argv[6]))
    elif verb == "group":
        group(bootstrap, topic, sys.argv[4], Stop())
    elif verb == "admin":
        print(json.dumps(admin(bootstrap, topic)))
    else:
        sys.exit("no verb " + verb)
