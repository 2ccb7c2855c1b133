"""``onnx:FILE``: an image network in one ONNX file, run by onnxruntime; its preprocessing is read from a sidecar TOML.

The sidecar lies beside the model as ``model.onnx.toml`` or ``model.toml``, or in the configuration folder as
``encoders/model.toml``; the first one found is taken.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image
from pydantic import BaseModel, ConfigDict, ValidationError

from categoriser.domain import FloatMatrix
from categoriser.encoders.base import PictureEncoder, unit_rows
from categoriser.encoders.preparation import Preparation
from categoriser.errors import ConfigurationError, MissingWeightsError
from categoriser.settings import config_folder

_EXPLAINED: Final = "docs/onnx.md explains it with an example"

CHUNK: Final = 8
"""Pictures per call: more need memory and are no faster on a processor (measured: MobileNetV2, 1 to 32)."""

INPUT_TYPES: Final = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Picture(_Section):
    short_side: int | None = None
    crop: int
    resample: Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"] = "bicubic"
    factor: float = 1 / 255
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    long_side: Literal["floor", "round"] = "floor"


class _Input(_Section):
    name: str
    layout: Literal["NCHW", "NHWC"] = "NCHW"


class _Output(_Section):
    name: str


class Sidecar(_Section):
    """What an ONNX file does not say about itself."""

    name: str
    summary: str
    picture: _Picture
    input: _Input
    output: _Output

    def preparation(self) -> Preparation:
        """The picture section as something that can be applied."""
        picture = self.picture
        return Preparation(
            width=picture.crop,
            height=picture.crop,
            short_side=picture.short_side,
            resample=Image.Resampling[picture.resample.upper()],
            factor=picture.factor,
            mean=picture.mean,
            std=picture.std,
            long_side=picture.long_side,
        )


class OnnxEncoder(PictureEncoder):
    """An image network in one ONNX file; pictures only."""

    def __init__(self, file: Path, *, device: str | None = None, threads: int = 0) -> None:
        """Load ``file`` and its sidecar.

        Args:
            file: the model.
            device: ``cpu``, ``cuda`` or ``cuda:N``; None takes CUDA if this onnxruntime has it.
            threads: processor threads of one call; 0 takes one, and as many calls at a time as there are processors:
                a call that waits for none of its threads uses them better.

        Raises:
            MissingWeightsError: there is no such file.
            ConfigurationError: no sidecar, or one that does not fit the model; a device that is not there.
        """
        if not file.is_file():
            raise MissingWeightsError(
                f'There is no file {file}: correct the path after onnx:, or use encoder = "classic".'
            )
        sidecar = read_sidecar(file)
        self._preparation = sidecar.preparation()
        self._layout = sidecar.input.layout
        self._session, self.device = _open_session(file, device, threads or 1)
        if self.device == "cpu" and threads == 0:
            self.parallel_calls = os.cpu_count() or 1
        self._input = _find(self._session.get_inputs(), sidecar.input.name, "input", file)
        self._output = _find(self._session.get_outputs(), sidecar.output.name, "output", file)
        if self._input.type not in INPUT_TYPES:
            raise ConfigurationError(f"{file}: its input is {self._input.type}; only {', '.join(INPUT_TYPES)} work.")
        fixed = self._input.shape[0]
        self._fixed_batch = fixed if isinstance(fixed, int) else None
        self._origin = f"onnx:{file.name}"
        self.summary = sidecar.summary
        self.image_side = self._preparation.image_side
        self.dimension = self._measure_dimension(file)
        self.id = f"onnx:{sidecar.name}-{_content_hash(file, sidecar)}"

    def prepare(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """One picture → uint8 [crop, crop, 3]."""
        return self._preparation.apply(image)

    def encode_prepared(self, batch: npt.NDArray[np.generic]) -> FloatMatrix:
        """Uint8 [n, crop, crop, 3] → unit vectors [n, dimension]."""
        vectors = np.empty((len(batch), self.dimension), np.float32)
        step = self._fixed_batch or CHUNK
        for start in range(0, len(batch), step):
            chunk = batch[start : start + step]
            vectors[start : start + len(chunk)] = self._run(chunk)
        return unit_rows(vectors, self._origin)

    def _run(self, chunk: npt.NDArray[np.generic]) -> FloatMatrix:
        missing = (self._fixed_batch or len(chunk)) - len(chunk)
        filled = np.concatenate([chunk, np.zeros((missing, *chunk.shape[1:]), chunk.dtype)]) if missing else chunk
        (rows,) = self._session.run([self._output.name], {self._input.name: self._pixels(filled)})
        flat: FloatMatrix = np.asarray(rows, np.float32).reshape(len(filled), -1)[: len(chunk)]
        return flat

    def _pixels(self, chunk: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        ordered = chunk.transpose(0, 3, 1, 2) if self._layout == "NCHW" else chunk
        wanted = INPUT_TYPES[self._input.type]
        if wanted is np.uint8:  # such a model scales and shifts inside
            return np.ascontiguousarray(ordered)
        shape = (1, 3, 1, 1) if self._layout == "NCHW" else (1, 1, 1, 3)
        plan = self._preparation
        std = np.array(plan.std, np.float32).reshape(shape)
        mean = np.array(plan.mean, np.float32).reshape(shape)
        values = np.array(ordered, np.float32, order="C")
        values *= plan.factor / std
        values -= mean / std
        return values.astype(wanted, copy=False)

    def _measure_dimension(self, file: Path) -> int:
        """Run one grey picture: exported files often do not say their output's shape."""
        side = self._preparation
        probe = np.full((1, side.height, side.width, 3), 128, np.uint8)
        try:
            return int(self._run(probe).shape[1])
        except Exception as error:  # onnxruntime's errors share no public base class
            raise ConfigurationError(
                f"{file} does not run on pictures of {side.width}x{side.height} in {self._layout}; correct the crop "
                f"or the layout in its sidecar. onnxruntime says: {error}"
            ) from error


def find_sidecar(file: Path) -> Path | None:
    """The sidecar of a model file, or None."""
    places = (
        file.with_name(file.name + ".toml"),
        file.with_suffix(".toml"),
        config_folder() / "encoders" / f"{file.stem}.toml",
    )
    return next((place for place in places if place.is_file()), None)


def read_sidecar(file: Path) -> Sidecar:
    """Read the sidecar of a model file.

    Raises:
        ConfigurationError: it is missing or says something else than it should.
    """
    place = find_sidecar(file)
    if place is None:
        raise ConfigurationError(
            f"{file} needs a file {file.name}.toml beside it that says how its pictures are prepared; {_EXPLAINED}."
        )
    try:
        return Sidecar.model_validate(tomllib.loads(place.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{place} is not TOML: {error}; {_EXPLAINED}.") from None
    except OSError as error:
        raise ConfigurationError(f"{place} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{place}, {where}: {first['msg']}; {_EXPLAINED}.") from None


def _open_session(file: Path, device: str | None, threads: int) -> tuple[Any, str]:
    """The session and the name of the device it runs on."""
    kind, _, number = (device or "").partition(":")
    available = onnxruntime.get_available_providers()
    if kind not in {"", "cpu", "cuda"}:
        raise ConfigurationError(f"onnxruntime cannot use device {device!r}: use cpu or cuda.")
    if kind == "cuda" and "CUDAExecutionProvider" not in available:
        raise ConfigurationError(
            f"Device {device!r}: this onnxruntime has no CUDA; install onnxruntime-gpu or use cpu."
        )
    providers: list[str | tuple[str, dict[str, str]]] = ["CPUExecutionProvider"]
    if kind != "cpu" and "CUDAExecutionProvider" in available:
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": number or "0"}))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # waiting threads that spin would take the processor from the threads that decode pictures
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=providers)
    except Exception as error:  # onnxruntime's errors share no public base class
        raise ConfigurationError(f"{file} is no model that onnxruntime can load: {error}") from error
    runs_on_cuda = session.get_providers()[0] == "CUDAExecutionProvider"
    if kind == "cuda" and not runs_on_cuda:
        raise ConfigurationError(f"Device {device!r} did not start in onnxruntime: check the CUDA driver, or use cpu.")
    return session, f"cuda:{number or '0'}" if runs_on_cuda else "cpu"


def _find(nodes: list[Any], name: str, what: str, file: Path) -> Any:
    for node in nodes:
        if node.name == name:
            return node
    known = ", ".join(str(node.name) for node in nodes)
    raise ConfigurationError(f"{file} has no {what} called {name!r}, it has: {known}. Correct its sidecar.")


def _content_hash(file: Path, sidecar: Sidecar) -> str:
    """8 hex digits of the weights and of everything in the sidecar that changes vectors."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
    digest.update(sidecar.model_dump_json(include={"picture", "input", "output"}).encode())
    return digest.hexdigest()[:8]
