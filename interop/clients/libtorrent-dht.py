"""DHT nodes of libtorrent, one session each. Orders and answers are JSON lines: dht.ts says which.

Run it with /usr/bin/python3.
"""

import hashlib
import json
import os
import select
import sys
import time

import libtorrent as lt

# A lookup reports what it finds and never that it ends: silence of so long is its end.
QUIET = 1.0
TURN = 0.02
# One silent node among the closest costs its lookups 15 seconds.
LOOKUP = 40
# An announce of which a lookup came to nothing is made again; not those of long ago.
AGAIN = 2.0
RECENT = 5
METRICS = {metric.name: metric.value_index for metric in lt.session_stats_metrics()}


def main():
    job = json.loads(sys.argv[1])
    if job.get("mode") == "version":
        say({"version": lt.__version__})
        return
    Driver([lt.session(settings_of(job, listen)) for listen in job["listen"]]).run()


def settings_of(job, listen):
    category = lt.alert.category_t
    host, port = listen
    return {
        "listen_interfaces": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "enable_dht": True,
        "dht_bootstrap_nodes": "",
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        # Torrents are there to be announced, not to be moved.
        "enable_outgoing_tcp": False,
        "enable_outgoing_utp": False,
        # Every node here lives in 127.0.0.0/8 or in one private subnet.
        "dht_restrict_routing_ips": False,
        "dht_restrict_search_ips": False,
        "dht_ignore_dark_internet": False,
        "dht_enforce_node_id": False,
        # Not lifted, these end a lively closed network: 5 messages a second from an address, 8 kB/s in all.
        "dht_block_ratelimit": 1_000_000,
        "dht_upload_rate_limit": 1_000_000_000,
        "alert_queue_size": 10_000,
        "alert_mask": category.status_notification | category.dht_notification | category.dht_operation_notification
        | category.error_notification | category.stats_notification,
        **job.get("settings", {}),
    }


class Driver:
    def __init__(self, nodes):
        self.nodes = nodes
        self.ready = False
        # Orders that wait for alerts, at most as many as the harness has given.
        self.waiting = []
        # Torrents that announce themselves, as many as the harness asked for; and when they did.
        self.announced = []
        self.announced_at = 0.0

    def run(self):
        unread = b""
        while True:
            if not self.ready and all(node.is_dht_running() for node in self.nodes):
                self.ready = True
                say({"event": "ready"})
            readable, _, _ = select.select([0], [], [], TURN)
            if readable:
                chunk = os.read(0, 65536)
                if chunk == b"":
                    return
                *lines, unread = (unread + chunk).split(b"\n")
                for line in lines:
                    self.order(json.loads(line))
            for index, node in enumerate(self.nodes):
                for alert in node.pop_alerts():
                    self.hear(index, alert)
            if time.monotonic() > self.announced_at + AGAIN:
                self.announced_at = time.monotonic()
                for torrent in self.announced[-RECENT:]:
                    torrent.force_dht_announce()
            for order in [order for order in self.waiting if time.monotonic() > order["until"]]:
                self.answer(order, order["late"]())

    def order(self, order):
        node = self.nodes[order["node"]]
        handler = getattr(self, "on_" + order["op"].replace("-", "_"), None)
        if handler is None:
            self.refuse(order, "libtorrent's binding has no such command")
            return
        handler(node, order)

    def wait(self, order, seconds, late):
        """Answer with `late()` unless an alert does so before."""
        order["late"] = late
        order["until"] = time.monotonic() + seconds
        self.waiting.append(order)

    def answer(self, order, result):
        if order in self.waiting:
            self.waiting.remove(order)
        say({"event": "answer", "order": order["order"], **result})

    def refuse(self, order, why):
        self.answer(order, {"error": why})

    # Orders

    def on_count(self, node, order):
        self.wait(order, 5, lambda: {"error": "no statistics"})
        node.post_session_stats()

    def on_join(self, node, order):
        for host, port in order["addresses"]:
            node.add_dht_node((host, port))
        self.answer(order, {})

    def on_announce(self, node, order):
        # Debian's binding lacks the type of the last argument of `dht_announce`: a torrent announces itself, with
        # the session's own port. Nothing tells how it went, so it does so again and again.
        parameters = lt.parse_magnet_uri("magnet:?xt=urn:btih:" + order["infoHash"])
        parameters.save_path = "."
        parameters.flags &= ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
        self.announced.append(node.add_torrent(parameters))
        self.announced[-1].force_dht_announce()
        self.answer(order, {"port": node.listen_port()})

    def on_peers(self, node, order):
        order["found"] = {}
        self.wait(order, QUIET * 2, lambda: {"peers": list(order["found"])})
        node.dht_get_peers(hash_of(order["infoHash"]))

    def on_put_immutable(self, node, order):
        target = node.dht_put_immutable_item(bytes.fromhex(order["value"]))
        order["target"] = str(target)
        self.wait(order, LOOKUP, lambda: {"error": "the put did not end"})

    def on_put_mutable(self, node, order):
        # libtorrent numbers the item itself: one more than what it finds.
        node.dht_put_mutable_item(
            expanded(bytes.fromhex(order["seed"])),
            bytes.fromhex(order["publicKey"]),
            bytes.fromhex(order["value"]),
            bytes.fromhex(order["salt"]),
        )
        self.wait(order, LOOKUP, lambda: {"error": "the put did not end"})

    def on_get_immutable(self, node, order):
        self.wait(order, LOOKUP, lambda: {"error": "the get did not end"})
        node.dht_get_immutable_item(hash_of(order["target"]))

    def on_get_mutable(self, node, order):
        order["best"] = None
        self.wait(order, LOOKUP, lambda: order["best"] or {"error": "the get did not end"})
        node.dht_get_mutable_item(bytes.fromhex(order["publicKey"]), bytes.fromhex(order["salt"]))

    def on_sample(self, node, order):
        host, port = order["from"]
        self.wait(order, 10, lambda: {"error": "no samples came"})
        node.dht_sample_infohashes((host, port), hash_of(order["target"]))

    # Alerts

    def hear(self, index, alert):
        if isinstance(alert, lt.listen_failed_alert):
            print(alert.message(), file=sys.stderr, flush=True)
        elif isinstance(alert, lt.session_stats_alert):
            values = alert.values
            for order in self.mine(index, "count"):
                self.answer(order, {"nodes": values["dht.dht_nodes"]})
        elif isinstance(alert, lt.dht_get_peers_reply_alert):
            for order in self.mine(index, "peers", infoHash=str(alert.info_hash)):
                order["until"] = time.monotonic() + QUIET
                for peer in alert.peers():
                    order["found"][address_of(peer)] = True
        elif isinstance(alert, lt.dht_put_alert):
            self.hear_put(index, alert)
        elif isinstance(alert, lt.dht_immutable_item_alert):
            for order in self.mine(index, "get-immutable", target=str(alert.target)):
                self.answer(order, {"value": value_of(alert)})
        elif isinstance(alert, lt.dht_mutable_item_alert):
            for order in self.mine(index, "get-mutable", publicKey=alert.key.hex(), salt=hex_of(alert.salt)):
                value = value_of(alert)
                if value is not None:
                    order["best"] = {"value": value, "sequence": alert.seq}
                if alert.authoritative:
                    self.answer(order, order["best"] or {"value": None})
        elif isinstance(alert, lt.dht_sample_infohashes_alert):
            for order in self.mine(index, "sample", **{"from": list(alert.endpoint)}):
                samples = [str(sample) for sample in alert.samples]
                self.answer(order, {"samples": samples, "stored": alert.num_infohashes})

    def hear_put(self, index, alert):
        immutable = self.mine(index, "put-immutable", target=str(alert.target))
        about = {"publicKey": alert.public_key.hex(), "salt": hex_of(alert.salt)}
        for order in immutable:
            self.answer(order, {"stored": alert.num_success, "target": order["target"]})
        for order in self.mine(index, "put-mutable", **about):
            self.answer(order, {"stored": alert.num_success, "sequence": alert.seq})

    def mine(self, index, op, **about):
        return [
            order
            for order in self.waiting
            if order["node"] == index
            and order["op"] == op
            and all(order[name] == value for name, value in about.items())
        ]


def expanded(seed):
    """RFC 8032, 5.1.5: libtorrent takes the private key in this form alone."""
    key = bytearray(hashlib.sha512(seed).digest())
    key[0] &= 248
    key[31] = (key[31] & 127) | 64
    return bytes(key)


def hash_of(text):
    return lt.sha1_hash(bytes.fromhex(text))


def hex_of(salt):
    # The binding makes text of it; what is not UTF-8 it refuses.
    return salt.encode().hex()


def address_of(peer):
    host, port = peer
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def value_of(alert):
    try:
        return alert.item["value"].hex()
    except RuntimeError:
        return None  # so the binding says that nothing was found


def say(message):
    print(json.dumps(message), flush=True)


main()
