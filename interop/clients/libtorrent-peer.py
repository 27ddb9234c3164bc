"""libtorrent, driven by one JSON argument; speaks JSON lines on stdout.

Run it with /usr/bin/python3. The file must not be called libtorrent.py: it would import itself.
"""

import json
import signal
import sys
import time

import libtorrent as lt


def main():
    job = json.loads(sys.argv[1])
    if job["mode"] == "version":
        say({"version": lt.__version__})
        return
    session = lt.session(settings_of(job))
    handle = session.add_torrent(parameters_of(job))
    for index, peer in enumerate(job.get("peers", [])):
        host, _, port = peer.rpartition(":")
        handle.connect_peer((host.strip("[]"), int(port)))
    if job.get("tracker"):
        handle.add_tracker({"url": job["tracker"], "tier": 0})
    if job["mode"] == "verify":
        handle.force_recheck()
    loop(session, handle, job)


def settings_of(job):
    encryption = {"off": 2, "prefer": 1, "require": 0}[job["encryption"]]
    utp = job["transport"] == "utp"
    return {
        "listen_interfaces": job["listen"],
        **dht_settings_of(job),
        "enable_lsd": job.get("lsd", False),
        "enable_upnp": False,
        "enable_natpmp": False,
        "allow_multiple_connections_per_ip": True,
        "enable_outgoing_tcp": not utp,
        "enable_incoming_tcp": not utp,
        "enable_outgoing_utp": utp,
        "enable_incoming_utp": utp,
        # pe_forced 0, pe_enabled 1, pe_disabled 2
        "in_enc_policy": encryption,
        "out_enc_policy": encryption,
        # pe_plaintext 1, pe_rc4 2, pe_both 3
        "allowed_enc_level": {"off": 1, "prefer": 3, "require": 2}[job["encryption"]],
        "prefer_rc4": job["encryption"] != "off",
        "ssrf_mitigation": False,
        "validate_https_trackers": False,
        "alert_mask": lt.alert.category_t.status_notification | lt.alert.category_t.error_notification,
    }


def dht_settings_of(job):
    if job.get("dht") is None:
        return {"enable_dht": False}
    return {
        "enable_dht": True,
        "dht_bootstrap_nodes": ",".join(f"{host}:{port}" for host, port in job["dht"]),
        # A closed network lives in 127.0.0.0/8 or in one private subnet.
        "dht_restrict_routing_ips": False,
        "dht_restrict_search_ips": False,
        "dht_ignore_dark_internet": False,
    }


def parameters_of(job):
    source = job["source"]
    if source.startswith("magnet:"):
        parameters = lt.parse_magnet_uri(source)
    else:
        parameters = lt.add_torrent_params()
        parameters.ti = lt.torrent_info(source)
    parameters.save_path = job["dir"]
    parameters.flags &= ~lt.torrent_flags.auto_managed
    parameters.flags &= ~lt.torrent_flags.paused
    if not job.get("pex", False):
        parameters.flags |= lt.torrent_flags.disable_pex
    if job["mode"] == "seed" and job["assumeComplete"]:
        parameters.flags |= lt.torrent_flags.seed_mode
    if job.get("superSeed", False):
        parameters.flags |= lt.torrent_flags.super_seeding
    if job.get("select") is not None and parameters.ti is not None:
        count = parameters.ti.num_files()
        parameters.file_priorities = [4 if index in job["select"] else 0 for index in range(count)]
    return parameters


def loop(session, handle, job):
    rechecking = job["mode"] == "verify"
    stopping = []
    told = 0.0
    # A piece counts as finished when it is hashed: it may still wait to be written.
    signal.signal(signal.SIGTERM, lambda number, frame: stopping.append(number))
    announced = time.monotonic()
    while True:
        if job.get("dht") is not None and time.monotonic() > announced + 1:
            # Its own first look is before its table holds anybody, its second in a quarter of an hour.
            handle.force_dht_announce()
            announced = time.monotonic()
        # Python hears the signal only between its calls.
        session.wait_for_alert(100)
        if job.get("tellPeers", False) and time.monotonic() - told > 0.5:
            told = time.monotonic()
            say({"event": "peers", "peers": peers_of(handle)})
        if stopping:
            leave(session, handle)
            return
        for alert in session.pop_alerts():
            if isinstance(alert, lt.metadata_received_alert):
                select_late(handle, job)
            elif isinstance(alert, lt.torrent_checked_alert):
                # With force_recheck the first check of an empty resume state is not announced: this one is ours.
                if rechecking:
                    say({"event": "checked", "complete": handle.status().is_seeding})
                elif job["mode"] == "seed" and handle.status().is_seeding:
                    say({"event": "ready"})
            elif isinstance(alert, lt.torrent_finished_alert):
                if job["mode"] == "leech":
                    say({"event": "done"})
                    if job["once"]:
                        leave(session, handle)
                        return
            elif isinstance(alert, lt.torrent_error_alert | lt.listen_failed_alert | lt.file_error_alert):
                print(alert.message(), file=sys.stderr, flush=True)


def peers_of(handle):
    # What is still connecting is no peer yet.
    unfinished = lt.peer_info.connecting | lt.peer_info.handshake
    return [
        {
            "address": "%s:%d" % peer.ip,
            "pex": bool(peer.source & lt.peer_info.pex),
            "lsd": bool(peer.source & lt.peer_info.lsd),
        }
        for peer in handle.get_peer_info()
        if not peer.flags & unfinished
    ]


def select_late(handle, job):
    if job.get("select") is not None:
        count = handle.torrent_file().num_files()
        handle.prioritize_files([4 if index in job["select"] else 0 for index in range(count)])


def leave(session, handle):
    # Gone means written: removal waits for the disk.
    handle.flush_cache()
    session.remove_torrent(handle)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        session.wait_for_alert(200)
        if any(isinstance(alert, lt.torrent_removed_alert) for alert in session.pop_alerts()):
            return


def say(message):
    print(json.dumps(message), flush=True)


main()
