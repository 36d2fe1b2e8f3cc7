// A video with its maps drawn over it, frame by frame.

const STOPS = [[87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]]; // inferno without its black

function colorOf(strength) {
  const at = strength * (STOPS.length - 1);
  const low = Math.min(Math.floor(at), STOPS.length - 2);
  return STOPS[low].map((value, channel) => value + (at - low) * (STOPS[low + 1][channel] - value));
}

const FADE_SECONDS = 0.4; // a stroke is heard for a frame or two, too short to see

export class Player {
  constructor(video, canvas) {
    this.video = video;
    this.canvas = canvas;
    this.cells = document.createElement("canvas");
    this.map = this.bytes = null;
    this.opacity = 0.75;
    this.isOn = true;
    for (const name of ["seeked", "loadeddata", "pause"]) video.addEventListener(name, () => this.draw(video.currentTime));
    new ResizeObserver(() => this.draw(video.currentTime)).observe(video);
    this.next();
  }

  get isOn() { return !this.canvas.hidden; }
  set isOn(value) { this.canvas.hidden = !value; }
  get opacity() { return Number(this.canvas.style.opacity); }
  set opacity(value) { this.canvas.style.opacity = value; }

  // map: frame_rate, repeats (frames of the video for each map), frames, rows, columns, place (left, right, top, bottom as shares).
  async play(video, map, bytes) {
    this.stop();
    this.map = map;
    this.video.src = video;
    if (!map) return;
    const answer = await fetch(bytes);
    if (!answer.ok || this.map !== map) return;
    this.bytes = new Uint8Array(await answer.arrayBuffer());
    this.draw(this.video.currentTime);
  }

  stop() {
    this.video.removeAttribute("src");
    this.video.load();
    this.map = this.bytes = null;
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  next() {
    this.video.requestVideoFrameCallback((now, frame) => {
      this.draw(frame.mediaTime);
      this.next();
    });
  }

  strength(index, cell) {
    const { frame_rate: rate, repeats, rows, columns } = this.map;
    const num = Math.max(1, Math.round((FADE_SECONDS * rate) / repeats));
    let strongest = 0;
    for (let back = 0; back < num && back <= index; back++) {
      const value = this.bytes[(index - back) * rows * columns + cell] / 255;
      strongest = Math.max(strongest, value * (1 - back / num));
    }
    return strongest;
  }

  draw(seconds) {
    if (!this.map || !this.bytes) return;
    const { frame_rate: rate, repeats, frames, rows, columns, place } = this.map;
    const index = Math.min(frames - 1, Math.floor(Math.round(seconds * rate) / repeats));
    this.cells.width = columns;
    this.cells.height = rows;
    const pixels = new ImageData(columns, rows);
    for (let cell = 0; cell < rows * columns; cell++) {
      const strength = this.strength(index, cell);
      pixels.data.set([...colorOf(strength), 255 * Math.sqrt(strength)], 4 * cell);
    }
    this.cells.getContext("2d").putImageData(pixels, 0, 0);
    const width = (this.canvas.width = this.video.clientWidth);
    const height = (this.canvas.height = this.video.clientHeight);
    const [left, right, top, bottom] = place;
    this.canvas.dataset.frame = index;
    const context = this.canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(this.cells, left * width, top * height, (right - left) * width, (bottom - top) * height);
  }
}
