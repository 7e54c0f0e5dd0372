// Streams of video: the samples from the last key frame up to a time, decoded into one picture.
import { startOf } from "./codecs";
import { source } from "./requests";
import type { Sample } from "./source";

const FIRST_BYTES = 2 ** 20;
const MOST_BYTES = 2 ** 24;
/** Of the samples that are kept from a key frame on. */
const MAX_HELD_BYTES = 2 ** 26;
const MAX_QUEUED = 16;
/** A decoder that has taken all samples gives the last picture by then, unless it waits for later ones. */
const PATIENCE_MS = 100;

/** The sample that is to be seen. */
export interface Target {
  entity: string;
  timeline: string;
  codec: string;
  sample: Sample;
  isStatic: boolean;
  /** More is to come, so that pictures may be shown as the decoder gives them. */
  isFollowing: boolean;
}

/** What hinders, in words for people. */
class Problem extends Error {}

const TOO_FAR = new Problem(`The last key frame is more than ${MAX_HELD_BYTES / 2 ** 20} MiB before this time.`);
const BROKEN = new Problem("The sample at this time cannot be decoded.");
const NO_START = new Problem("There is no key frame up to this time, with which decoding could begin.");

/** Decodes one stream onto a canvas. It keeps no picture: each is drawn or let go as soon as it is there. */
export class StreamPlayer {
  private target: Target | null = null;
  private stream = "";
  private isBusy = false;
  private decoder: VideoDecoder | null = null;
  /** From a key frame on, all there are up to `reached`. */
  private held: Sample[] = [];
  private reached = 0n;
  /** How many of them the decoder has taken. */
  private fed = 0;
  /** Decoding failed on the way to that one of the samples that are held. */
  private broken = Infinity;
  /** Pictures are known by the number of the sample that they come of. */
  private stamp = 0;
  private wanted = 0;
  private drawn = 0;
  private wake: () => void = () => undefined;

  /** @param tell what hinders; nothing where the picture is there */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly tell: (problem: string) => void,
  ) {}

  /** Show a sample. While one is being decoded, only the last that was asked for comes next. */
  show(target: Target): void {
    this.target = target;
    if (!this.isBusy) void this.pump();
  }

  close(): void {
    this.target = null;
    this.forget();
  }

  private async pump(): Promise<void> {
    this.isBusy = true;
    for (let done: Target | null = null; this.target && this.target !== done; ) {
      const target = (done = this.target);
      let problem = "";
      try {
        await this.bring(target);
      } catch (error) {
        problem = error instanceof Problem ? error.message : "The samples up to this time could not be fetched.";
      }
      if (this.target === target) this.tell(problem);
    }
    this.isBusy = false;
  }

  private forget(): void {
    this.stop();
    this.held = [];
    this.broken = Infinity;
  }

  /** Without a decoder, the next one begins with the first sample that is held. */
  private stop(): void {
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.decoder = null;
    this.fed = 0;
    this.wake();
  }

  private async bring(target: Target): Promise<void> {
    const stream = JSON.stringify([target.entity, target.timeline, target.codec, target.isStatic]);
    if (stream !== this.stream) this.forget();
    this.stream = stream;
    await this.gather(target);
    if (this.target !== target) return;
    let index = this.held.findIndex((each) => each.id === target.sample.id);
    if (index < 0) index = this.held.findLastIndex((each) => each.time <= target.sample.time);
    if (index < 0) throw NO_START;
    if (index >= this.broken) throw BROKEN;
    if (index < this.fed - 1) this.stop();
    try {
      await this.decode(target, index);
    } catch (error) {
      this.stop();
      if (error instanceof Problem) throw error;
      this.broken = index;
      throw BROKEN;
    }
    this.release();
  }

  /** Have all samples from a key frame on up to the target. */
  private async gather(target: Target): Promise<void> {
    const { sample, isStatic } = target;
    if (isStatic) {
      this.held = [sample];
      return;
    }
    const isBehind = !this.held.length || sample.time < this.held[0]!.time;
    if (!isBehind && sample.time <= this.reached && this.held.some((each) => each.id === sample.id)) return;
    const { samples, isStart } = await this.fetch(target, isBehind ? null : this.reached);
    if (this.target !== target) return;
    if (isStart) {
      this.held = samples;
      this.fed = 0;
      this.broken = Infinity;
    } else if (isBehind) throw NO_START;
    else {
      const known = new Set(this.held.filter((each) => each.time >= this.reached).map((each) => each.id));
      this.held.push(...samples.filter((each) => !known.has(each.id)));
    }
    this.reached = sample.time;
  }

  /** The samples from the last key frame of a range on, or all of the range where it has none. */
  private async fetch({ entity, timeline, codec, sample }: Target, low: bigint | null): Promise<{ samples: Sample[]; isStart: boolean }> {
    let samples: Sample[] = [];
    let size = 0;
    for (let high = sample.time, bytes = FIRST_BYTES; ; bytes = Math.min(2 * bytes, MOST_BYTES)) {
      const part = await source().samples(entity, timeline, low, high, bytes);
      const known = new Set(samples.map((each) => each.id));
      const older = part.samples.filter((each) => !known.has(each.id));
      const key = older.findLastIndex((each) => startOf(codec, each.data) !== null);
      if (key >= 0) return { samples: [...older.slice(key), ...samples], isStart: true };
      samples = [...older, ...samples];
      if (!part.isCut) return { samples, isStart: false };
      size += older.reduce((sum, each) => sum + each.data.length, 0);
      if (!older.length || size > MAX_HELD_BYTES) throw TOO_FAR;
      high = samples[0]!.time;
    }
  }

  private async decode(target: Target, index: number): Promise<void> {
    if (!this.decoder) await this.begin(target);
    const decoder = this.decoder!;
    for (; this.fed <= index; this.fed++) {
      while (this.isAlive(decoder) && decoder.decodeQueueSize >= MAX_QUEUED) await this.event();
      if (this.target !== target) return;
      const { data } = this.held[this.fed]!;
      if (this.fed === index) this.wanted = this.stamp + 1;
      const type = startOf(target.codec, data) === null ? "delta" : "key";
      decoder.decode(new EncodedVideoChunk({ type, timestamp: ++this.stamp, data }));
    }
    while (this.isAlive(decoder) && decoder.decodeQueueSize) await this.event();
    const end = performance.now() + PATIENCE_MS;
    while (this.isAlive(decoder) && this.drawn < this.wanted && performance.now() < end) await this.event(PATIENCE_MS);
    if (this.drawn >= this.wanted || target.isFollowing || this.target !== target) return;
    await decoder.flush();
    this.stop(); // an emptied decoder takes nothing but a key frame
    if (this.drawn < this.wanted) throw new Error("it gives no picture");
  }

  private isAlive(decoder: VideoDecoder): boolean {
    if (decoder !== this.decoder) throw new Error("it failed");
    return true;
  }

  /** The decoder has taken a sample, given a picture, or failed; or so much time has passed. */
  private event(within?: number): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
      if (within !== undefined) setTimeout(resolve, within);
    });
  }

  private async begin({ codec, isStatic }: Target): Promise<void> {
    const name = this.held[0] ? startOf(codec, this.held[0].data) : null;
    if (name === null) throw isStatic ? NO_START : TOO_FAR;
    if (typeof VideoDecoder === "undefined") {
      throw new Problem(
        isSecureContext
          ? "This browser decodes no streams of video: it has no WebCodecs."
          : "Browsers decode streams of video only from https or from this machine.",
      );
    }
    const config: VideoDecoderConfig = { codec: name, optimizeForLatency: true };
    const isSupported = await VideoDecoder.isConfigSupported(config).then(({ supported }) => supported, () => false);
    if (!isSupported) throw new Problem(`This browser does not decode ${codec} (${name}).`);
    const decoder = new VideoDecoder({
      output: (frame) => {
        if (decoder === this.decoder) this.take(frame);
        frame.close();
      },
      error: () => {
        if (decoder === this.decoder) this.stop();
      },
    });
    decoder.addEventListener("dequeue", () => this.wake());
    decoder.configure(config);
    this.decoder = decoder;
    this.fed = 0;
  }

  private take(frame: VideoFrame): void {
    const isWanted = frame.timestamp >= this.wanted || (this.target?.isFollowing && frame.timestamp > this.drawn);
    if (!isWanted) return;
    const { canvas } = this;
    if (canvas.width !== frame.displayWidth) canvas.width = frame.displayWidth;
    if (canvas.height !== frame.displayHeight) canvas.height = frame.displayHeight;
    canvas.getContext("2d")?.drawImage(frame, 0, 0);
    this.drawn = frame.timestamp;
    this.wake();
  }

  /** Of a stream that hardly ever has a key frame, keep the last sample alone: its decoder goes on. */
  private release(): void {
    const size = this.held.reduce((sum, each) => sum + each.data.length, 0);
    if (size <= MAX_HELD_BYTES || !this.decoder || this.fed < this.held.length) return;
    this.held = this.held.slice(-1);
    this.fed = 1;
  }
}
