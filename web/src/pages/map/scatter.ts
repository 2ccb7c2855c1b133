/** Draws points with WebGL 2: one call for all, flat, in space, or on the way from one to the other. */
import type { Camera } from './camera';
import type { Points } from './points';

const VERTEX = `#version 300 es
in vec2 flatPlace; in vec3 spacePlace; in vec4 colour;
uniform mat4 view; uniform float depth; uniform float size;
out vec4 ink;
void main() {
  gl_Position = view * vec4(mix(vec3(flatPlace, 0.0), spacePlace, depth), 1.0);
  gl_PointSize = size * mix(1.0, 3.0 / gl_Position.w, depth) * (colour.a > 0.99 ? 1.6 : 1.0);
  ink = colour;
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 ink; out vec4 drawn;
void main() {
  vec2 away = gl_PointCoord - 0.5;
  float r = dot(away, away);
  if (r > 0.25) discard;
  float a = ink.a * smoothstep(0.25, 0.16, r);
  drawn = vec4(ink.rgb * a, a);
}`;

export interface Drawer {
  load(points: Points): void;
  paint(colours: Uint8Array): void;
  /** `depth`: 0 flat, 1 in space. `size`: of a point in pixels of the screen. */
  draw(camera: Camera, depth: number, size: number): void;
  dispose(): void;
}

export class Scatter implements Drawer {
  readonly #gl: WebGL2RenderingContext;
  readonly #program: WebGLProgram;
  readonly #buffers: Record<'flatPlace' | 'spacePlace' | 'colour', WebGLBuffer>;
  #count = 0;

  /** Throws where there is no WebGL 2. */
  constructor(readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext('webgl2', { antialias: false, alpha: true, premultipliedAlpha: true, desynchronized: true });
    if (!gl) throw new Error('no WebGL 2');
    this.#gl = gl;
    this.#program = program(gl);
    this.#buffers = { flatPlace: gl.createBuffer(), spacePlace: gl.createBuffer(), colour: gl.createBuffer() };
    gl.bindVertexArray(gl.createVertexArray());
    this.#attribute('flatPlace', 2, gl.FLOAT, false);
    this.#attribute('spacePlace', 3, gl.FLOAT, false);
    this.#attribute('colour', 4, gl.UNSIGNED_BYTE, true);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  load(points: Points): void {
    this.#fill('flatPlace', points.flat);
    this.#fill('spacePlace', points.space);
    this.#count = points.ids.length;
  }

  paint(colours: Uint8Array): void {
    this.#fill('colour', colours);
  }

  draw(camera: Camera, depth: number, size: number): void {
    const gl = this.#gl;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const [width, height] = [Math.round(this.canvas.clientWidth * ratio), Math.round(this.canvas.clientHeight * ratio)];
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.useProgram(this.#program);
    gl.uniformMatrix4fv(gl.getUniformLocation(this.#program, 'view'), false, camera.matrix(width, height));
    gl.uniform1f(gl.getUniformLocation(this.#program, 'depth'), depth);
    gl.uniform1f(gl.getUniformLocation(this.#program, 'size'), size * ratio);
    gl.drawArrays(gl.POINTS, 0, this.#count);
  }

  dispose(): void {
    this.#gl.getExtension('WEBGL_lose_context')?.loseContext();
  }

  #attribute(name: 'flatPlace' | 'spacePlace' | 'colour', size: number, type: number, normalised: boolean): void {
    const gl = this.#gl;
    const at = gl.getAttribLocation(this.#program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#buffers[name]);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, type, normalised, 0, 0);
  }

  #fill(name: 'flatPlace' | 'spacePlace' | 'colour', data: ArrayBufferView<ArrayBufferLike>): void {
    this.#gl.bindBuffer(this.#gl.ARRAY_BUFFER, this.#buffers[name]);
    this.#gl.bufferData(this.#gl.ARRAY_BUFFER, data as unknown as ArrayBuffer, this.#gl.DYNAMIC_DRAW);
  }
}

/** Whether there is WebGL 2, and a graphics card behind it. */
export function hasGraphicsCard(): boolean {
  const gl = document.createElement('canvas').getContext('webgl2', { failIfMajorPerformanceCaveat: true });
  if (!gl) return false;
  const told = gl.getExtension('WEBGL_debug_renderer_info');
  const name = String(gl.getParameter(told ? told.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  return !/swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

function program(gl: WebGL2RenderingContext): WebGLProgram {
  const made = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(kind);
    if (!shader) throw new Error('no shader');
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made) ?? 'no program');
  return made;
}
