import { type OnReadOpts, Socket } from "node:net";

/**
 * Gives an accepted connection a static read buffer.
 *
 * `net.Server` has no `onread` option, and a socket learns of it only when it is made. So the server accepts with
 * `pauseOnConnect`, and before anything is read the connection's handle moves into a socket of ours. Measured (README.md,
 * "Reading"): a quarter of the CPU that `data` events take, which allocate a buffer for each read.
 *
 * `_handle` is not documented, though `new Socket({handle})` has been there since Node 0.x. Without one the connection
 * keeps working over `data` events; the test "accepted sockets read into the static buffer" tells when that day comes.
 */
export function adopt(connection: Socket, onread: OnReadOpts): Socket {
  // The cast names the undocumented field; it is checked on the next line.
  const holder = connection as unknown as { _handle?: object | null };
  const handle = holder._handle;
  if (handle === undefined || handle === null) return withDataEvents(connection, onread);
  holder._handle = null;
  connection.destroy(); // the empty shell; also takes it off the server's count
  return new Socket({ handle, onread } as ConstructorParameters<typeof Socket>[0]); // `handle` has no public type
}

function withDataEvents(connection: Socket, onread: OnReadOpts): Socket {
  connection.on("data", (chunk: Uint8Array) => onread.callback(chunk.length, chunk));
  connection.resume();
  return connection;
}
