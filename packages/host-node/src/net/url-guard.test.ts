import { equal } from "node:assert/strict";
import { test } from "node:test";
import { mayReach, mayReachUrl, trustAfterRedirect } from "./url-guard.ts";

const localIps = [
  "0.0.0.0",
  "0.1.2.3",
  "10.0.0.1",
  "100.64.0.1",
  "100.127.255.255",
  "127.0.0.1",
  "127.255.255.254",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.0.0.8",
  "192.0.2.1",
  "192.88.99.1",
  "192.168.1.1",
  "198.18.0.1",
  "198.19.255.255",
  "198.51.100.7",
  "203.0.113.7",
  "224.0.0.1",
  "239.192.152.143",
  "240.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::127.0.0.1",
  "::ffff:127.0.0.1",
  "::ffff:10.0.0.1",
  "::ffff:a9fe:a9fe",
  "::ffff:0:127.0.0.1",
  "64:ff9b::127.0.0.1",
  "64:ff9b::10.1.2.3",
  "64:ff9b:1::8.8.8.8",
  "100::1",
  "2001::1",
  "2001:2::1",
  "2001:10::1",
  "2001:db8::1",
  "2002:7f00:1::1",
  "2002:a00:1::",
  "3fff::1",
  "5f00::1",
  "fc00::1",
  "fd12:3456::1",
  "fe80::1",
  "febf::1",
  "fec0::1",
  "ff02::1",
  "ff0e::1",
];

const publicIps = [
  "1.1.1.1",
  "9.255.255.255",
  "100.63.255.255",
  "100.128.0.0",
  "126.0.0.1",
  "128.0.0.1",
  "169.253.1.1",
  "172.15.1.1",
  "172.32.0.1",
  "192.167.1.1",
  "198.17.0.1",
  "198.20.0.1",
  "223.255.255.254",
  "::ffff:8.8.8.8",
  "64:ff9b::8.8.8.8",
  "2001:4860:4860::8888",
  "2606:4700::1111",
  "2a00:1450::1",
];

for (const ip of localIps) {
  test(`a stranger's URL does not reach ${ip}`, () => equal(mayReach(ip, "stranger"), false));
}
for (const ip of publicIps) {
  test(`a stranger's URL reaches ${ip}`, () => equal(mayReach(ip, "stranger"), true));
}

test("what is not an address is reached by no stranger", () => {
  for (const ip of ["", "localhost", "127.1", "0x7f000001", "2130706433", "1.1.1.1.", "fe80::1%lo"]) {
    equal(mayReach(ip, "stranger"), false, ip);
  }
});

test("a tracker that the user named is local only under a tracker's path, when it is HTTP", () => {
  const local = (path: string) => mayReachUrl("127.0.0.1", new URL(`http://tracker${path}`), "named-tracker");
  equal(local("/announce"), true);
  equal(local("/scrape"), true);
  equal(local("/passkey/announce?info_hash=x"), true);
  equal(local("/announce/"), false);
  equal(local("/announce.php"), false);
  equal(local("/xannounce"), false);
  equal(local("/admin?x=/announce"), false);
  equal(local("/admin#/announce"), false);
  equal(local("/ANNOUNCE"), false);
  equal(mayReachUrl("1.1.1.1", new URL("http://tracker/any"), "named-tracker"), true);
});

test("a UDP tracker that the user named may be anywhere a tracker can be", () => {
  equal(mayReach("192.168.1.2", "named-tracker"), true);
  equal(mayReach("fd00::2", "named-tracker"), true);
  equal(mayReach("224.0.0.1", "named-tracker"), false);
});

test("a redirect is a stranger's word unless local URLs are allowed", () => {
  equal(trustAfterRedirect("named-tracker"), "stranger");
  equal(trustAfterRedirect("stranger"), "stranger");
  equal(trustAfterRedirect("any"), "any");
});
