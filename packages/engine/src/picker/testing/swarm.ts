import { Bitfield, Prng } from "@dure/base";
import { PeerHoldings } from "../../torrent/peer.ts";
import { type Block, blockBytes, Picker, type PickPeer } from "../picker.ts";

export interface TestPeer extends PickPeer {
  readonly holdings: PeerHoldings;
  alone: boolean;
  suspect: boolean;
}

/** A picker for pieces of `blocks` blocks, the last of them short. */
export function pickerOf(shape: {
  pieces: number;
  blocks?: number;
  have?: readonly number[];
  seed?: number;
}): Picker {
  const pieceBytes = (shape.blocks ?? 4) * blockBytes;
  const have = new Bitfield(shape.pieces);
  for (const piece of shape.have ?? []) have.set(piece);
  const totalBytes = shape.pieces * pieceBytes - (pieceBytes > blockBytes ? blockBytes : 0) - 7;
  return new Picker({ pieceCount: shape.pieces, pieceBytes, totalBytes }, have, new Prng(shape.seed ?? 1));
}

/** A connected peer that holds these pieces. */
export function join(picker: Picker, id: number, pieces: readonly number[] | "all"): TestPeer {
  const holdings = new PeerHoldings(picker.have.length);
  if (pieces === "all") holdings.setAll();
  else for (const piece of pieces) holdings.gain(piece);
  picker.peerJoined(holdings);
  return { id, holdings, alone: true, suspect: false };
}

/** Receives the blocks from the peer; pieces that become whole are verified at once. Returns those. */
export function deliver(picker: Picker, peer: TestPeer, blocks: readonly Block[]): number[] {
  const whole: number[] = [];
  for (const block of blocks) {
    picker.receive(block, peer.id);
    if (picker.partial(block.piece)?.complete !== true) continue;
    picker.complete(block.piece);
    whole.push(block.piece);
  }
  return whole;
}

export function piecesOf(blocks: readonly Block[]): number[] {
  return [...new Set(blocks.map(({ piece }) => piece))];
}

export function keyOf({ piece, block }: Block): string {
  return `${piece}/${block}`;
}
