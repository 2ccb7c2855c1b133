"""A torch network that reads prepared pictures, with or without one that reads texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from categoriser.domain import FloatMatrix
from categoriser.encoders.base import PictureEncoder, unit_rows
from categoriser.encoders.preparation import Preparation
from categoriser.encoders.runtime import Runtime
from categoriser.errors import ConfigurationError

CHUNK: Final = {"cpu": 32, "mps": 64, "cuda": 256}
"""Pictures or texts per forward pass: enough to fill the device, little enough to fit any."""

MEANING_AND_WORDS: Final = "groups by meaning, as a caption would name the subject, and finds pictures by words"
MEANING: Final = "groups by meaning, as a caption would name the subject; this copy cannot read texts"

Tensor = Any
ImageFeatures = Callable[[Tensor], Tensor]  # float [n, 3, height, width] → [n, dimension]
TextFeatures = Callable[[Sequence[str]], Tensor]  # texts → [n, dimension]


class TowerEncoder(PictureEncoder):
    """What the torch families share: chunks, transfer, normalisation on the device, precision, unit length."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - the name the Protocol gives it
        summary: str,
        dimension: int,
        preparation: Preparation,
        runtime: Runtime,
        image_features: ImageFeatures,
        text_features: TextFeatures | None = None,
    ) -> None:
        """Wrap the two feature functions of a network that is already on ``runtime.device``."""
        self.id = id
        self.summary = summary
        self.dimension = dimension
        self.image_side = preparation.image_side
        self.device = str(runtime)
        self.reads_text = text_features is not None
        self._preparation = preparation
        self._runtime = runtime
        self._image_features = image_features
        self._text_features = text_features

    def prepare(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """One picture → uint8 [height, width, 3]."""
        return self._preparation.apply(image)

    def encode_prepared(self, batch: npt.NDArray[np.generic]) -> FloatMatrix:
        """Uint8 [n, height, width, 3] → unit vectors [n, dimension]."""
        return self._in_chunks(batch, lambda chunk: self._image_features(self._pixels(chunk)))

    def encode_texts(self, texts: Sequence[str]) -> FloatMatrix | None:
        """Texts → unit vectors [n, dimension], or None."""
        if self._text_features is None:
            return None
        return self._in_chunks(list(texts), self._text_features)

    def _in_chunks(self, items: Any, features: Callable[[Any], Tensor]) -> FloatMatrix:
        import torch  # noqa: PLC0415

        vectors = np.empty((len(items), self.dimension), np.float32)
        step = CHUNK[self._runtime.device.partition(":")[0]]
        for start in range(0, len(items), step):
            with torch.inference_mode(), _precision(self._runtime):
                rows = features(items[start : start + step])
            vectors[start : start + len(rows)] = rows.float().cpu().numpy()
        return unit_rows(vectors, self.id)

    def _pixels(self, chunk: npt.NDArray[np.generic]) -> Tensor:
        """Bytes go to the device; scaling and shifting happens there."""
        import torch  # noqa: PLC0415

        plan, device = self._preparation, self._runtime.device
        mean = torch.tensor(plan.mean, device=device).view(1, 3, 1, 1)
        std = torch.tensor(plan.std, device=device).view(1, 3, 1, 1)
        # a copy: torch warns about read-only memory, which views of decoded pictures are
        pixels = torch.from_numpy(np.array(chunk)).to(device).permute(0, 3, 1, 2).float()
        return ((pixels * plan.factor - mean) / std).contiguous()


def load_model(kind: Any, folder: Path, runtime: Runtime) -> Any:
    """Load a transformers model of class ``kind`` from a folder, on its device and in the precision it will run in.

    Only the weights of matrix products become bfloat16: sums, norms and the residual stream stay float32, which keeps
    vectors within a cosine of .999, and autocast need not convert the large weights again at every call.

    Raises:
        ConfigurationError: weights are missing in the folder.
    """
    import torch  # noqa: PLC0415

    model, report = kind.from_pretrained(folder, local_files_only=True, dtype=torch.float32, output_loading_info=True)
    if report["missing_keys"]:  # transformers would fill them with random numbers and only warn
        missing = sorted(report["missing_keys"])
        raise ConfigurationError(
            f"The weights in {folder} are incomplete: {len(missing)} parts such as {missing[0]} are missing. "
            "Copy the model again."
        )
    model = model.eval().requires_grad_(requires_grad=False).to(runtime.device)
    if runtime.bf16:
        for module in model.modules():
            if isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
                module.to(torch.bfloat16)
    return model


def _precision(runtime: Runtime) -> AbstractContextManager[Any]:
    if not runtime.bf16:
        return nullcontext()
    import torch  # noqa: PLC0415

    kind = runtime.device.partition(":")[0]
    context: AbstractContextManager[Any] = torch.autocast(kind, dtype=torch.bfloat16)
    return context
