/** Draws points without a graphics card: pixel by pixel into a picture, all of it by the processor.
 *
 * Software renderers of WebGL set up each point as two triangles: 100,000 of them take 140 ms, and written like this less than a frame.
 */
import type { Camera } from './camera';
import type { Points } from './points';
import type { Drawer } from './scatter';

const FAINT = 100; // points drawn less strongly than this lie beneath the others

export class Pixels implements Drawer {
  readonly #context: CanvasRenderingContext2D;
  #points: Points | null = null;
  #colours = new Uint32Array(0);
  #image: ImageData | null = null;

  constructor(readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext('2d');
    if (!context) throw new Error('no canvas');
    this.#context = context;
  }

  load(points: Points): void {
    this.#points = points;
  }

  paint(colours: Uint8Array): void {
    this.#colours = new Uint32Array(colours.slice().buffer);
  }

  draw(camera: Camera, depth: number, size: number): void {
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    if (!width || !height) return;
    if (!this.#image || this.#image.width !== width || this.#image.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.#image = this.#context.createImageData(width, height);
    }
    const pixels = new Uint32Array(this.#image.data.buffer);
    pixels.fill(0);
    if (this.#points) {
      const m = camera.matrix(width, height);
      this.#stamp(this.#points, pixels, m, depth, size, width, height, true);
      this.#stamp(this.#points, pixels, m, depth, size, width, height, false);
    }
    this.#context.putImageData(this.#image, 0, 0);
  }

  dispose(): void {
    this.#image = null;
  }

  #stamp(points: Points, pixels: Uint32Array, m: Float32Array, depth: number, size: number, width: number, height: number, faint: boolean): void {
    const { flat, space } = points;
    const colours = this.#colours;
    const [m0, m1, m3, m4, m5, m7] = [m[0]!, m[1]!, m[3]!, m[4]!, m[5]!, m[7]!];
    const [m8, m9, m11, m12, m13, m15] = [m[8]!, m[9]!, m[11]!, m[12]!, m[13]!, m[15]!];
    const n = Math.min(points.ids.length, colours.length);
    const discs = new Map<number, Int32Array>();
    for (let i = 0; i < n; i += 1) {
      const ink = colours[i]!;
      if (ink >>> 24 < FAINT !== faint) continue;
      let x = flat[2 * i]!;
      let y = flat[2 * i + 1]!;
      let z = 0;
      if (depth > 0) {
        x += (space[3 * i]! - x) * depth;
        y += (space[3 * i + 1]! - y) * depth;
        z = space[3 * i + 2]! * depth;
      }
      const w = m3 * x + m7 * y + m11 * z + m15;
      const px = ((0.5 + (m0 * x + m4 * y + m8 * z + m12) / w / 2) * width) | 0;
      const py = ((0.5 - (m1 * x + m5 * y + m9 * z + m13) / w / 2) * height) | 0;
      const wide = Math.min(24, Math.max(1, Math.round(size * (1 + (3 / w - 1) * depth) * (ink >>> 24 === 255 ? 1.6 : 1))));
      if (px < wide || py < wide || px >= width - wide || py >= height - wide) continue;
      let disc = discs.get(wide);
      if (!disc) discs.set(wide, (disc = discOf(wide, width)));
      const at = py * width + px;
      for (let k = 0; k < disc.length; k += 1) pixels[at + disc[k]!] = ink;
    }
  }
}

/** Where the pixels of a round point are, from its middle. */
function discOf(wide: number, width: number): Int32Array {
  const found: number[] = [];
  const middle = (wide - 1) / 2;
  for (let y = 0; y < wide; y += 1)
    for (let x = 0; x < wide; x += 1)
      if (wide < 3 || (x - middle) ** 2 + (y - middle) ** 2 <= (wide / 2) ** 2) found.push((y - (wide >> 1)) * width + x - (wide >> 1));
  return Int32Array.from(found);
}
