/** A peer by its connection's number. */
export type MetadataPeer = number;

export type MetadataInput =
  /** Its handshake named the metadata's size, or another one than before. */
  | { readonly type: "peer"; readonly peer: MetadataPeer; readonly metadataBytes: number }
  | { readonly type: "peer-left"; readonly peer: MetadataPeer }
  /** The bytes are copied. */
  | {
      readonly type: "data";
      readonly peer: MetadataPeer;
      readonly piece: number;
      readonly totalBytes?: number | undefined;
      readonly bytes: Uint8Array;
    }
  | { readonly type: "reject"; readonly peer: MetadataPeer; readonly piece: number }
  /** The answer to `check`. */
  | { readonly type: "checked"; readonly good: boolean }
  | { readonly type: "wake" };

export type MetadataOutput =
  | { readonly type: "request"; readonly peer: MetadataPeer; readonly piece: number }
  /** Do these bytes hash to the info-hash? They stay as they are until `checked`. */
  | { readonly type: "check"; readonly bytes: Uint8Array }
  /** The hash is right. */
  | { readonly type: "done"; readonly infoBytes: Uint8Array }
  /** It certainly sent wrong bytes; it may have left. */
  | { readonly type: "blame"; readonly peer: MetadataPeer };
