// WebTorrent, driven by one JSON argument; speaks JSON lines on stdout.
import WebTorrent from "webtorrent";

const job = JSON.parse(process.argv[2]);
const secure = { off: 0, prefer: 1, require: 2 }[job.encryption];

const client = new WebTorrent({
  torrentPort: job.port,
  dht: job.dht === undefined ? false : { bootstrap: job.dht },
  lsd: false,
  natUpnp: false,
  natPmp: false,
  utPex: false,
  webSeeds: false,
  utp: job.transport === "utp",
  secure,
  tracker: job.trackers.length > 0 || job.useTorrentTrackers ? { announce: job.trackers } : false,
});
client.on("error", fail);

const _said = false;
const torrent = client.add(job.source, {
  path: job.dir,
  skipVerify: job.mode === "seed" && job.assumeComplete,
  deselect: job.select !== undefined,
});
torrent.on("error", fail);
torrent.on("warning", (warning) => console.error(String(warning)));
torrent.on("infoHash", () => {
  for (const peer of job.peers) torrent.addPeer(peer);
});
torrent.on("ready", () => {
  if (job.select !== undefined) selectFiles(job.select.map((index) => torrent.files[index]));
  if (job.mode === "verify") say({ event: "checked", complete: torrent.progress === 1 });
  if (job.mode === "seed" && torrent.progress === 1) whenListening(() => say({ event: "ready" }));
});
torrent.on("done", () => {
  if (job.mode === "leech" && job.select === undefined) complete();
});

// "done" waits for every file of the torrent, wanted or not.
function selectFiles(files) {
  const missing = new Set(files);
  for (const file of files) {
    file.select();
    file.once("done", () => {
      missing.delete(file);
      if (missing.size === 0) complete();
    });
  }
}

function complete() {
  say({ event: "done" });
  if (job.once) client.destroy(() => process.exit(0));
}

function whenListening(then) {
  if (client.listening) then();
  else client.once("listening", then);
}

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function fail(error) {
  console.error(error);
  process.exit(1);
}
