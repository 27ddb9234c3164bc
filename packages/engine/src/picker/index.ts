export { type Contributor, fromDisk, PartialPiece } from "./partial-piece.ts";
export {
  type Block,
  blockBytes,
  endGameRequesters,
  Picker,
  type PickerShape,
  type PickPeer,
} from "./picker.ts";
export { type Holdings, type Priority, priorityNormal } from "./rarity.ts";
