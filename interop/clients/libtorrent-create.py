"""Makes torrents of a folder or file, and reads and checks others' (libtorrent 2). One JSON job a line in, one answer out."""

import json
import sys
import time

import libtorrent as lt

FLAGS = {"hybrid": 0, "v2": 32, "v1": 64}  # create_torrent's, as its header numbers them


def create(job):
    files = lt.file_storage()
    lt.add_files(files, job["path"])
    torrent = lt.create_torrent(files, job["pieceBytes"], flags=FLAGS[job["format"]])
    lt.set_piece_hashes(torrent, job["path"].rsplit("/", 1)[0])
    return describe(lt.torrent_info(torrent.generate()))


def describe(info):
    hashes = info.info_hashes()
    files = info.files()
    return {
        "v1": str(hashes.v1) if hashes.has_v1() else None,
        "v2": str(hashes.v2) if hashes.has_v2() else None,
        "files": [
            [files.file_path(i), files.file_size(i), str(files.root(i)) if hashes.has_v2() else ""]
            for i in range(info.num_files())
        ],
    }


def check(job):
    """Adds the torrent to a session of its own and hashes what lies in the folder."""
    session = lt.session({"listen_interfaces": "", "enable_dht": False, "enable_lsd": False})
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(job["torrent"])
    params.save_path = job["dir"]
    handle = session.add_torrent(params)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        status = handle.status()
        if status.errc.value() != 0 or str(status.state) in ("seeding", "finished", "downloading"):
            break
        time.sleep(0.05)
    status = handle.status()
    return {**describe(params.ti), "seeding": status.is_seeding, "done": status.total_done, "error": status.errc.message()}


JOBS = {"create": create, "check": check}

for line in sys.stdin:
    job = json.loads(line)
    try:
        print(json.dumps(JOBS[job["type"]](job)), flush=True)
    except RuntimeError as error:
        print(json.dumps({"error": str(error)}), flush=True)
