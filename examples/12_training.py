"""A training loop, with torch where it is installed and numpy where not: losses, weights, predictions, settings."""

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import asyncrr as rr

STEPS = 200


def make_data() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    inputs = random.uniform(-1, 1, (256, 1)).astype(np.float32)
    return inputs, np.sin(3 * inputs) + random.normal(0, 0.05, inputs.shape).astype(np.float32)


class WithNumpy:
    """One hidden layer, and its gradients by hand."""

    def __init__(self) -> None:
        random = np.random.default_rng(7)
        self.first = random.normal(0, 1, (1, 32))
        self.bias = random.normal(0, 1, 32)
        self.second = random.normal(0, 0.2, (32, 1))

    def step(self, inputs: np.ndarray, targets: np.ndarray) -> float:
        hidden = np.tanh(inputs @ self.first + self.bias)
        error = hidden @ self.second - targets
        back = error @ self.second.T * (1 - hidden**2) / len(inputs)
        self.second -= 0.1 * hidden.T @ error / len(inputs)
        self.first -= 0.1 * inputs.T @ back
        self.bias -= 0.1 * back.sum(0)
        return float((error**2).mean())

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return np.tanh(inputs @ self.first + self.bias) @ self.second

    def weights(self) -> np.ndarray:
        return self.second


class WithTorch:
    """The same in torch."""

    def __init__(self) -> None:
        import torch

        torch.manual_seed(7)
        self.torch = torch
        self.model = torch.nn.Sequential(torch.nn.Linear(1, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
        self.optimizer = torch.optim.Adam(self.model.parameters(), 0.02)

    def step(self, inputs: np.ndarray, targets: np.ndarray) -> float:
        loss = self.torch.nn.functional.mse_loss(
            self.model(self.torch.from_numpy(inputs)), self.torch.from_numpy(targets)
        )
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return float(loss)

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        with self.torch.no_grad():
            return self.model(self.torch.from_numpy(inputs)).numpy()

    def weights(self) -> object:
        return self.model[2].weight.detach()  # a tensor is logged as it is


def main(folder: Path) -> None:
    inputs, targets = make_data()
    model = WithTorch() if find_spec("torch") else WithNumpy()
    with rr.new_recording("training") as rec:
        rec.save(folder / "training.arrd")
        rec.log("settings", {"steps": STEPS, "samples": len(inputs), "model": type(model).__name__}, static=True)
        rec.log("train/loss", rr.SeriesLines(names="loss"), static=True)
        loss = rec.entity("train/loss", rr.Scalars)  # bound once: the cheapest way in a hot loop
        for step in range(STEPS):
            loss(model.step(inputs, targets), step=step)
            if step % 20 == 0:
                at = {"step": step}
                rec.log("model/weights", model.weights(), time=at)
                points = np.hstack([inputs, model.predict(inputs)])
                rec.log("predictions", rr.Points2D(points, radii=0.01), time=at)
    rec.close()

    data = rr.read_recording(folder / "training.arrd")
    losses = data.column("train/loss", "Scalars:scalars", timeline="step")
    print(f"{len(losses.times)} losses; learned: {bool(losses.values[-1, 0] < losses.values[0, 0] / 4)}")
    print(f"weights of {data.row_count('model/weights')} steps, predictions of {data.row_count('predictions')}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as place:
            main(Path(place))
