import { get } from "node:http";

// Ends when the tracker's scrape (BEP 48) counts a seed of the torrent. A process of its own, because the tracker
// answers inside its network namespace. Arguments: scrape URL, hex info-hash, milliseconds to wait at most.
const [url = "", infoHash = "", within] = process.argv.slice(2);
const pollWait = 40;
const deadline = performance.now() + Number(within);
const escaped = infoHash.replaceAll(/../g, "%$&");

for (;;) {
  const reply = await scrape();
  if (/8:completei[1-9]/.test(reply)) break;
  if (performance.now() > deadline) {
    process.stderr.write(`no seed announced to ${url}; it last said: ${reply}\n`);
    process.exitCode = 1;
    break;
  }
  await new Promise((resolve) => setTimeout(resolve, pollWait));
}

function scrape(): Promise<string> {
  return new Promise((resolve) => {
    const request = get(`${url}?info_hash=${escaped}`, (response) => {
      let text = "";
      response.setEncoding("latin1");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(text));
    });
    request.on("error", (error) => resolve(String(error)));
  });
}
