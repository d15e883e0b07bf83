// The camera: pictures of it go to the browser's own reader of codes where there is one, else to ours. Pictures never leave the device.

// Pictures a second: more would only warm the phone.
const PAUSE_MS = 120;
// The longer side of what is read: enough for a dense code held at arm's length.
const SIDE = 720;
// The same code again within this time is the same showing of it.
const SAME_MS = 3000;
// How long the camera stays on when nobody scans.
const IDLE_MS = 120000;

export class Camera {
  #video;
  #found;
  #readerAddress;
  #stream;
  #starting;
  #read;
  #running = false;
  #last = { text: "", at: 0 };
  #since = 0;
  onlive = () => {};
  onidle = () => {};

  constructor(video, readerAddress, found) {
    this.#video = video;
    this.#readerAddress = readerAddress;
    this.#found = found;
  }

  // Whether the camera may be used without asking first.
  static async allowed() {
    try {
      return (await navigator.permissions.query({ name: "camera" })).state === "granted";
    } catch {
      return false;
    }
  }

  // Turns the camera on. Fails with the name of what is wrong: "insecure", "refused", "none", "busy".
  start() {
    this.#starting ??= this.#start().finally(() => { this.#starting = undefined; });
    return this.#starting;
  }

  async #start() {
    if (!this.#stream) await this.#open();
    // What failed here the last time is tried anew.
    this.#read ??= await reader(this.#readerAddress);
    this.resume();
  }

  async #open() {
    if (!navigator.mediaDevices?.getUserMedia) throw new Error("insecure");
    try {
      const wanted = { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 720 } };
      this.#stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: wanted });
    } catch (failure) {
      const names = { NotAllowedError: "refused", SecurityError: "refused", NotFoundError: "none", OverconstrainedError: "none" };
      throw new Error(names[failure.name] ?? "busy");
    }
    this.#video.srcObject = this.#stream;
    await this.#video.play();
    this.onlive();
  }

  // Looks for codes.
  resume() {
    if (!this.#stream || !this.#read) return;
    this.#since = Date.now();
    this.#video.play().catch(() => {});
    if (this.#running) return;
    this.#running = true;
    this.#look();
  }

  // Stands still, as long as something else is done.
  pause() {
    this.#running = false;
    this.#video.pause();
  }

  stop() {
    this.pause();
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = undefined;
    this.#video.srcObject = null;
  }

  get on() {
    return this.#stream !== undefined;
  }

  // Whether the device has a light that we may switch.
  get hasLight() {
    return this.#track?.getCapabilities?.().torch === true;
  }

  async light(on) {
    await this.#track?.applyConstraints({ advanced: [{ torch: on }] });
  }

  get #track() {
    return this.#stream?.getVideoTracks()[0];
  }

  async #look() {
    while (this.#running) {
      const text = this.#video.readyState >= 2 ? await this.#read(this.#video) : null;
      if (!this.#running) return;
      if (text) this.#tell(text);
      if (Date.now() - this.#since > IDLE_MS) {
        this.stop();
        this.onidle();
        return;
      }
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
  }

  #tell(text) {
    const again = text === this.#last.text && Date.now() - this.#last.at < SAME_MS;
    this.#last = { text, at: Date.now() };
    if (again) return;
    this.#since = Date.now();
    this.#found(text);
  }
}

// A function that reads a video's present picture.
async function reader(address) {
  const native = await nativeReader();
  if (native) return native;
  const worker = new Worker(address, { type: "module" });
  let answer = () => {};
  await new Promise((done, fail) => {
    worker.onmessage = ({ data }) => (data.ready ? done() : fail(new Error("busy")));
    worker.onerror = () => fail(new Error("busy"));
  });
  worker.onmessage = ({ data }) => answer(data.text);
  const canvas = document.createElement("canvas");
  const paint = canvas.getContext("2d", { willReadFrequently: true });
  return (video) => {
    const scale = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight, 1));
    canvas.width = Math.max(1, Math.round(video.videoWidth * scale));
    canvas.height = Math.max(1, Math.round(video.videoHeight * scale));
    paint.drawImage(video, 0, 0, canvas.width, canvas.height);
    const picture = paint.getImageData(0, 0, canvas.width, canvas.height);
    return new Promise((done) => {
      answer = done;
      worker.postMessage(picture, [picture.data.buffer]);
    });
  };
}

async function nativeReader() {
  if (!("BarcodeDetector" in globalThis)) return null;
  try {
    if (!(await BarcodeDetector.getSupportedFormats()).includes("qr_code")) return null;
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async (video) => {
      try {
        return (await detector.detect(video))[0]?.rawValue || null;
      } catch {
        return null;
      }
    };
  } catch {
    return null;
  }
}
