import { fromHex, infoHash, must } from "@dure/base";
import type { MseChance } from "../index.ts";

/*
 * What libtorrent 2.0.8 said on loopback, with encryption forced both ways and RC4 alone allowed, to a peer whose secret and
 * paddings are those below. It knew the torrent, whose hash is below too.
 */
export const vectorHash = must(infoHash("2bf1a0c3bf0e87cfba64429afa3ab8d51c7b72e4"), "40 digits");
export const vectorChance: MseChance = {
  secret: Uint8Array.from({ length: 20 }, (_, index) => index * 11 + 1),
  keyPadding: Uint8Array.from({ length: 33 }, (_, index) => index * 5),
  optionsPaddingBytes: 7,
};

/** Its answer to us: key, padding, options, and the plain protocol's handshake after them. */
export const libtorrentAnswers = must(
  fromHex(
    "b1ac417edb3a4f94e381b458b9bb3b2e67194ddbb5a22dfa94d8eddc79f353b7029a235259e60fa972981a489b0bd7edf0df" +
      "c406c5293723299488ad584b09dc61f003326713bc9105034cb502005d8e671bcbb03734011871fc8d645c32695dcdda56cc" +
      "05a29934124f57388846b5f45075b427381c64de49fcaff8ca3e6773e567ec0429985e1142894a0e2bf0be6520fae853d60d" +
      "ec78b6144b72f364173b55b2c7dd59201d78aa541f95a5d0fd9ed2a9787c7a3d997ea72b3dfa5697d3b7ebc81e27cddce1c5" +
      "ae425a74f58d45cfd8b7b246ac2127b3826121636cea92255594525e6ba977cb005271f5bd9d560bff0428faff2295a6e574" +
      "70641174a6c44196174007541fb11ab7211011370af41106e5fd14807c29ade42d6588b7423aff76d6",
  ),
  "hex",
);

/** What it says when it connects to us: key, padding, marks, options, and its handshake as IA. */
export const libtorrentBegins = must(
  fromHex(
    "c9769282f63dd4552368feb9c6df2ad1a5a352be02b32ab7d541cc6e71f173c8411c0626e4bcfd85919c7f75f7d0090d09c0" +
      "31a294d43737ffc9319d8332e4f0018813d5a9966325201de3f91bd22cd06d9dd19b425ff6d32e44950c102071a7ed5a4942" +
      "5fe5e139d5fc135d6acfade1b5ee94aabf46d03b59044ce4c39daf959ffe1f371bb50d428c2049c107b2fd519fc500310deb" +
      "eda94d814530013da9d9a06804e784b5f44f1944376c82af63a71b66fc8006c83433076421105a2094a1c64062e86cad0c05" +
      "66d27b7f6fcda344b327e717eba94507f849329d6e0ed266c71aa8f6e2c854df70eaa5e1670ae14e9710257f46a8d52c7373" +
      "370494a726bfe5383566133607089e8b70a1beba01cc17bfc3a6c22260c3f1ceb00ab46558e73e4cad6a4853abeb70251a25" +
      "0410f8f6ddbe1531b8b3befd1236abf487f1f0c6bdb022c19c95f91f20d4234ba6e7bd50c8a8f4e30b7d1345ba269957459e" +
      "1ef34c35fb11b072141fce605edc51dc018147458006f61b0ad8ee32c9c0aae4b9b7352b028349c0d98564bfb47e29af6c45" +
      "42dec2c441657e8ea8a8b4898102fdc37ea005a07658745dbc948998bcb54d67a00b5baf366429eed3ee8cc3271cf09c88bc" +
      "936fbf62ce31660b7ff7c0d7d0a67f2ebb4414ac6fb574cca12214c427b468fd5b1f9783352252bb1484764860a75fc35736" +
      "32d2edfc0faee26ff3028648a88d64d49ba2f83ceb5765d30a295c6a874060d5c7aa424e6fca55f8643a157f95340e54d026" +
      "df38ce8b7dbad0a7f48c40036022f3a46ffee0912e974e07a19d3384b9f7089936086944678b91213b61a93c5192ef9b5fdd" +
      "68f0922388e019090d1256f73fde14a11755df6d2e1afe06b2e0edd5b41ad612ded579c8e900b40ea1bb4a446e4a4fd9eda7" +
      "b17abc255f8ba256ac6848b0ee3f200300d8be29e5ee1b407c40dfbb5e2c4dd1b19f2450f7ab9fc1620617cf0e0da80ef82e" +
      "154d90e676318caa029073f65fe7df50f17619f73dc418ff2a5b38cb67cd415dcf703f8894164302f6bf0dc78510bfc35384" +
      "92eff0af08686816676ec07e3ac7e3ffaabbb6f02d47bb78e95f318a04c85b614396645dfc6585066cd9d56a98f5c131f6f8" +
      "f3bdee5af281deef49c3303025727649842e862cc5e3bd206e95813e491983f51863d7d0480c2ad7522f216f3e777e27ddd2" +
      "21604eb7b012cfe508a942b07187783238888aa4c9669d7b2547d07c9f483520d961adc4a72e4a5c53186c67e1e15aeabbd2" +
      "0fd9e5f19ca054e82a1ecfecc8c20d9d68649e171a7160ba06b4f1857fcd743b6edaf22f06adab700f49e37fcddb799a25d5" +
      "372600230d2af3c1190b81abc69a5dd2d8eb10040b9eba4a935f87acae9d69e6c32388f34ce90c38ace8560d91f68e7b6f38" +
      "df34f608e9e8ce643d0a39a99d4f61d571eda861472c22c5ecf25caa56",
  ),
  "hex",
);
