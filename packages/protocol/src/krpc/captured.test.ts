import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { fromHex, hex, must } from "@dure/base";
import {
  decodeKrpc,
  encodeKrpc,
  type KrpcError,
  type KrpcQuery,
  type KrpcResponse,
  readNodes,
} from "./index.ts";

// Datagrams that foreign nodes sent on the loopback interface: libtorrent 2.0.8 and bittorrent-dht 11.

const queries: readonly (readonly [string, string])[] = [
  [
    "libtorrent's get_peers",
    "64313a6164323a696432303a78b000ae1f798c54e0189d11003ea57a5f7d185f393a696e666f5f6861736832303a11f6" +
      "ad8ec52a2984abaafd7c3b516503785c207265313a71393a6765745f7065657273313a74323a55ea313a76343a4c5402" +
      "08313a79313a7165",
  ],
  [
    "libtorrent's put, mutable",
    "64313a6164323a696432303a78b000ae1f798c54e0189d11003ea57a5f7d185f313a6b33323a32323232323232323232" +
      "32323232323232323232323232323232323232323232343a73616c74343a73616c74333a736571693165333a73696736" +
      "343af87358b04c9543b46914f650f8ea99cbb58401197e9ab0ed106919be9b2047af7651d2c69fa555b85a47083207ae" +
      "000ed681b2bd5bcced07d6a6b44908bd1a0d353a746f6b656e333a746f6b313a76343a6461746165313a71333a707574" +
      "313a74323a82a2313a76343a4c540208313a79313a7165",
  ],
  [
    "libtorrent's sample_infohashes",
    "64313a6164323a696432303a78b000ae1f798c54e0189d11003ea57a5f7d185f363a74617267657432303a11f6ad8ec5" +
      "2a2984abaafd7c3b516503785c207265313a7131373a73616d706c655f696e666f686173686573313a74323af42c313a" +
      "76343a4c540208313a79313a7165",
  ],
  [
    "bittorrent-dht's find_node",
    "64313a6164323a696432303ae4c6f8a21ed605748cb1e814c32f1afc24340715363a74617267657432303ae4c6f8a21e" +
      "d605748cb1e814c32f1afc2434071565313a71393a66696e645f6e6f6465313a74323a0004313a79313a7165",
  ],
  [
    "bittorrent-dht's put, immutable",
    "64313a6164323a696432303ae4c6f8a21ed605748cb1e814c32f1afc24340715353a746f6b656e333a746f6b313a7635" +
      "3a68656c6c6f65313a71333a707574313a74323a0006313a79313a7165",
  ],
];

for (const [name, text] of queries) {
  test(`${name} is read, and we would send the same bytes`, () => {
    const message = decoded(text);
    ok(message.kind === "query");
    equal(hex(encodeKrpc(message)), text);
  });
}

test("bittorrent-dht's announce says that its port is not implied", () => {
  const { body } = decoded(
    "64313a6164323a696432303ae4c6f8a21ed605748cb1e814c32f1afc2434071531323a696d706c6965645f706f727469" +
      "3065393a696e666f5f6861736832303a11f6ad8ec52a2984abaafd7c3b516503785c2072343a706f7274693535353565" +
      "353a746f6b656e333a746f6b65313a7131333a616e6e6f756e63655f70656572313a74323a0003313a79313a7165",
  ) as KrpcQuery;
  ok(body.type === "announce-peer");
  deepEqual([body.port, body.fallbackPort, body.seed], [5555, undefined, false]);
});

test("libtorrent's answer to a get has nodes, a token and the item, and its `p` is ignored", () => {
  const message = decoded(
    "64323a6970363a7f000001b79a313a7264323a696432303ab09ebe52e6e9f253585048f3a15664382b11fabb313a6b33" +
      "323a9b07c8527449068328a9d4be65078dda03452459f2c9dbb628cf9a6d378d8e70353a6e6f64657332363a0337dc60" +
      "b4b87c7072f46bb3fee0ae91447a35dc7f000001b79a313a7069343730303265333a736571693465333a73696736343a" +
      "e9cafb5dbbb1d2ffabac12c401484a6b3bc899e14fad29ff717c08c74f749e7a82f27f74db00a7b7b483e716da1e8d25" +
      "23eb729bad843058becd5b00d97a4f09353a746f6b656e343a16cd6c0c313a7631323a48656c6c6f20576f726c642165" +
      "313a74323a0909313a76343a4c540208313a79313a7265",
  ) as KrpcResponse;
  deepEqual(message.seenAs, { ip: "127.0.0.1", port: 47_002 });
  const { item, nodes, sequence, token, ...rest } = message.body;
  ok(item?.type === "mutable");
  deepEqual([Buffer.from(item.value).toString(), item.sequence, sequence], ["12:Hello World!", 4, 4]);
  equal(token?.length, 4);
  deepEqual(
    readNodes(must(nodes, "nodes"), 4).map(({ address }) => address),
    [{ ip: "127.0.0.1", port: 47_002 }],
  );
  deepEqual(rest, {});
});

test("libtorrent's answer to sample_infohashes has one sample and an interval of six hours", () => {
  const { body } = decoded(
    "64323a6970363a7f000001b79a313a7264323a696432303ab09ebe52e6e9f253585048f3a15664382b11fabb383a696e" +
      "74657276616c69323136303065353a6e6f64657332363a0337dc60b4b87c7072f46bb3fee0ae91447a35dc7f000001b7" +
      "9a333a6e756d693165313a7069343730303265373a73616d706c657332303a518f5fd20d68bad2e2f4648e645e8a01bd" +
      "98035365313a74323a0609313a76343a4c540208313a79313a7265",
  ) as KrpcResponse;
  deepEqual([body.interval, body.storedCount], [21_600, 1]);
  deepEqual(body.samples?.map(hex), ["518f5fd20d68bad2e2f4648e645e8a01bd980353"]);
});

test("libtorrent's error says who sent it and whom it sees", () => {
  const message = decoded(
    "64313a656c693330326531393a6f6c642073657175656e6365206e756d62657265323a6970363a7f000001b79a313a72" +
      "64323a696432303ab09ebe52e6e9f253585048f3a15664382b11fabb313a706934373030326565313a74323a0a09313a" +
      "76343a4c540208313a79313a6565",
  ) as KrpcError;
  deepEqual([message.code, message.message], [302, "old sequence number"]);
  equal(message.id?.length, 20);
  deepEqual(message.seenAs, { ip: "127.0.0.1", port: 47_002 });
});

function decoded(text: string) {
  const result = decodeKrpc(must(fromHex(text), "hex"));
  ok(result.ok, text);
  return result.value;
}
