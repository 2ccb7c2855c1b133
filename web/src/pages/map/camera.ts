/** One camera for both: flat is space looked at from the front, with every point on the plane z = 0. */
const DISTANCE = 3;

export class Camera {
  x = 0;
  y = 0;
  zoom = 1;
  yaw = 0;
  pitch = 0;

  /** Column-major, for points in about [-1, 1]; width and height in pixels. */
  matrix(width: number, height: number): Float32Array {
    const fit = 0.9 * this.zoom;
    const sx = width > height ? height / width : 1;
    const sy = width > height ? 1 : width / height;
    const [cy, siny, cp, sinp] = [Math.cos(this.yaw), Math.sin(this.yaw), Math.cos(this.pitch), Math.sin(this.pitch)];
    // rotation about the vertical, then the horizontal axis; then moved, seen from DISTANCE
    const r = [cy, sinp * siny, -cp * siny, 0, cp, sinp, siny, -sinp * cy, cp * cy];
    const f = fit * DISTANCE;
    const m = new Float32Array(16);
    for (let column = 0; column < 3; column += 1) {
      m[4 * column] = sx * f * (r[3 * column] ?? 0);
      m[4 * column + 1] = sy * f * (r[3 * column + 1] ?? 0);
      m[4 * column + 2] = -0.3 * (r[3 * column + 2] ?? 0);
      m[4 * column + 3] = -(r[3 * column + 2] ?? 0);
    }
    m[12] = -sx * f * this.x;
    m[13] = -sy * f * this.y;
    m[14] = 0;
    m[15] = DISTANCE;
    return m;
  }

  /** How far a pixel is, in units of the map. */
  unit(width: number, height: number): number {
    return 2 / (0.9 * this.zoom * Math.min(width, height));
  }

  /** Closer to or further from what is under a pixel (from the middle, y upwards). */
  closer(factor: number, px: number, py: number, width: number, height: number): void {
    const before = this.unit(width, height);
    this.zoom = Math.min(200, Math.max(0.4, this.zoom * factor));
    const after = this.unit(width, height);
    this.x += px * (before - after);
    this.y += py * (before - after);
  }
}

/** Where a point is on the screen, in pixels from the top left; depth is its distance. */
export function project(m: Float32Array, x: number, y: number, z: number, width: number, height: number): [number, number, number] {
  const w = (m[3] ?? 0) * x + (m[7] ?? 0) * y + (m[11] ?? 0) * z + (m[15] ?? 1);
  const px = ((m[0] ?? 0) * x + (m[4] ?? 0) * y + (m[8] ?? 0) * z + (m[12] ?? 0)) / w;
  const py = ((m[1] ?? 0) * x + (m[5] ?? 0) * y + (m[9] ?? 0) * z + (m[13] ?? 0)) / w;
  return [(0.5 + px / 2) * width, (0.5 - py / 2) * height, w];
}
