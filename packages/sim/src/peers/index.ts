export {
  partOfBlock,
  type Script,
  ScriptedPeer,
  type ScriptedPeerOptions,
  type ScriptLink,
} from "./scripted-peer.ts";
