/** Where a program listens for peers. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

/** `index` counts the torrent's files from 0, pad files too; `path` is relative to the torrent's own folder. */
export interface WantedFile {
  readonly index: number;
  readonly path: string;
}

/** `off`: plaintext only. `prefer`: both, MSE first where the program lets one say so. `require`: RC4 only. */
export type Encryption = "off" | "prefer" | "require";

interface Job {
  /** The folder that holds, or will hold, the torrent's file or folder. */
  readonly dir: string;
  readonly listen: Endpoint;
  /** An announce URL to use beside those in the torrent. */
  readonly tracker?: string;
  /** Name of the network namespace to run in; absent: the caller's own. */
  readonly netns?: string;
  /** Scratch folder of this job alone: configuration, logs. Made when missing. */
  readonly work: string;
  /** Default `off`, so that programs are compared alike. */
  readonly encryption?: Encryption;
  /** Nodes by which to join a DHT that is closed; absent: no DHT. Transmission refuses, as it would nodes in 127.0.0.0/8. */
  readonly dht?: readonly Endpoint[];
  /** Default `tcp`. A program that cannot carry a torrent over uTP alone refuses `utp` with an error. */
  readonly transport?: "tcp" | "utp";
  /** Local discovery, in the programs that heed it (Dure, libtorrent). Default false. */
  readonly lsd?: boolean;
}

export interface SeedJob extends Job {
  readonly torrent: string;
  /** Trust the data instead of hashing it first, where the program can. Default true. */
  readonly assumeComplete?: boolean;
  /** Wait at most this long for the program to be ready. Default 60 s. */
  readonly readyWithin?: number;
}

export interface LeechJob extends Job {
  /** A `.torrent` path or a magnet link. */
  readonly source: string;
  /** `IP:port` to connect to, for the programs that can be told; see `Client.takesPeer`. */
  readonly peer?: string;
  /** The files wanted; absent: all. Some programs select by index, some by path, so both are given. */
  readonly select?: readonly WantedFile[];
  /** Leave after completion instead of seeding on, where the program can. Default false. */
  readonly once?: boolean;
  /** `done` rejects after this many milliseconds. Default 120 s. */
  readonly doneWithin?: number;
}

/** Check the data in `dir` against the torrent. */
export interface VerifyJob extends Job {
  readonly torrent: string;
  readonly doneWithin?: number;
}

export interface Running {
  /** The root of the program's process tree; every driver `exec`s, so this is the program itself. */
  readonly pid: number;
  /** SIGTERM, five seconds of grace, SIGKILL. Resolves when the process is gone; never rejects. */
  stop(): Promise<void>;
}

export interface Leeching extends Running {
  /** Resolves when the program itself reports that everything wanted is here and verified. */
  readonly done: Promise<void>;
}

export interface Checking extends Running {
  /** When the hashing began: for a daemon that is later than the start of the process. */
  readonly beganAt: number;
  /** True when `beganAt` is the start of the process. */
  readonly fromStart: boolean;
  /** Resolves to what the program found. */
  readonly done: Promise<{ readonly complete: boolean }>;
  /** True when the process ends by itself with the check, false when it must be stopped. */
  readonly exits: boolean;
}

/** One BitTorrent program, driven alike. */
export interface Client {
  readonly name: string;
  /** True when a leecher can be given its peer; false when it must learn it from a tracker. */
  readonly takesPeer: boolean;
  /** Version text, or undefined when the program is absent. */
  version(): Promise<string | undefined>;
  /** Resolves when the program listens and has the torrent ready to serve. */
  seed(job: SeedJob): Promise<Running>;
  /** Resolves when the process is started; `done` when it has everything. */
  leech(job: LeechJob): Promise<Leeching>;
  /** Absent when the program has no such command. */
  verify?(job: VerifyJob): Promise<Checking>;
}
