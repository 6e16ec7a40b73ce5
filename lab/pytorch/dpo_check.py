"""Trains the same adapter with Sphere and with PyTorch (F64) and compares the weights.

    python3 lab/pytorch/dpo_check.py [--sphere ./sphere] [--out DIR]

For each small random model (qwen2, llama, qwen3) and optimizer: Sphere trains one step, from which the adapter's start is
known (its B is zero, so the first step leaves A alone), and then several; the model, DPO's loss and the loop below are
written from their definitions, read the GGUF files themselves and share no code with Sphere. Exit status 1 when a weight
differs by more than 2e-4 of its matrix's largest.
"""

import argparse
import json
import math
import pathlib
import struct
import subprocess
import sys

import torch

torch.set_default_dtype(torch.float64)
BETA, RANK, ALPHA, EOS = 0.3, 4, 12, 258
PROBLEMS = [(2, 3), (4, 5), (11, 7), (8, 1), (30, 12)]
ROWS = [
    {"prompt": f"What is {a}+{b}?", "chosen": f" It is {a + b}.", "rejected": f" Maybe it could be {a * b}, no?"}
    for a, b in PROBLEMS
]


def read_gguf(path):
    """Metadata and tensors (F32 only, row-major as in PyTorch) of a GGUF file."""
    data, at = path.read_bytes(), 4

    def take(form):
        nonlocal at
        (value,) = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return value

    def text():
        nonlocal at
        n = take("Q")
        at += n
        return data[at - n : at].decode("utf-8", "replace")

    def value(kind):
        if kind == 8:
            return text()
        if kind == 9:
            kind, n = take("I"), take("Q")
            return [value(kind) for _ in range(n)]
        return take({0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}[kind])

    take("I")
    tensors, keys = take("Q"), take("Q")
    metadata = {}
    for _ in range(keys):
        key = text()
        metadata[key] = value(take("I"))
    infos = [(text(), [take("Q") for _ in range(take("I"))], take("I"), take("Q")) for _ in range(tensors)]
    alignment = metadata.get("general.alignment", 32)
    base = -(-at // alignment) * alignment
    found = {}
    for name, shape, kind, offset in infos:
        assert kind == 0, f"{name} is not F32"
        raw = bytearray(data[base + offset : base + offset + 4 * math.prod(shape)])
        found[name] = torch.frombuffer(raw, dtype=torch.float32).double().reshape(shape[::-1])
    return metadata, found


class Decoder:
    """qwen2, qwen3 and llama, one sequence at a time, with LoRA where `adapters` has a layer."""

    def __init__(self, metadata, tensors):
        self.architecture = metadata["general.architecture"]
        of = lambda key, default=None: metadata.get(f"{self.architecture}.{key}", default)
        self.tensors, self.adapters = tensors, {}
        self.layers, self.heads = of("block_count"), of("attention.head_count")
        self.kv_heads = of("attention.head_count_kv", self.heads)
        self.width = of("attention.key_length", of("embedding_length") // self.heads)
        self.eps, self.theta = of("attention.layer_norm_rms_epsilon"), of("rope.freq_base", 10000.0)

    def linear(self, x, name):
        y = x @ self.tensors[name + ".weight"].T
        if name in self.adapters:
            a, b = self.adapters[name]
            y = y + ALPHA / RANK * (x @ a.T) @ b.T
        return y + self.tensors[name + ".bias"] if name + ".bias" in self.tensors else y

    def norm(self, x, name):
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + self.eps) * self.tensors[name + ".weight"]

    def rotate(self, x):
        turns = self.theta ** (-torch.arange(0, self.width, 2.0) / self.width)
        angle = torch.arange(float(len(x)))[:, None] * turns
        cos, sin = angle.cos()[:, None], angle.sin()[:, None]
        if self.architecture == "llama":  # GGUF's llama has its pairs side by side
            u, v = x[..., 0::2], x[..., 1::2]
            return torch.stack([u * cos - v * sin, u * sin + v * cos], -1).flatten(-2)
        u, v = x.chunk(2, -1)
        return torch.cat([u * cos - v * sin, u * sin + v * cos], -1)

    def log_prob(self, prompt, completion):
        x = self.tensors["token_embd.weight"][torch.tensor(prompt + completion)]
        n = len(x)
        mask = torch.full((n, n), -torch.inf).triu(1)
        for i in range(self.layers):
            layer = f"blk.{i}."
            h = self.norm(x, layer + "attn_norm")
            q, k, v = (self.linear(h, layer + "attn_" + p).view(n, -1, self.width) for p in "qkv")
            if layer + "attn_q_norm.weight" in self.tensors:
                q, k = self.norm(q, layer + "attn_q_norm"), self.norm(k, layer + "attn_k_norm")
            k, v = (t.repeat_interleave(self.heads // self.kv_heads, 1) for t in (self.rotate(k), v))
            scores = torch.einsum("qhd,khd->hqk", self.rotate(q), k) / math.sqrt(self.width) + mask
            mixed = torch.einsum("hqk,khd->qhd", scores.softmax(-1), v).reshape(n, -1)
            x = x + self.linear(mixed, layer + "attn_output")
            h = self.norm(x, layer + "ffn_norm")
            gate = torch.nn.functional.silu(self.linear(h, layer + "ffn_gate"))
            x = x + self.linear(gate * self.linear(h, layer + "ffn_up"), layer + "ffn_down")
        head = self.tensors.get("output.weight", self.tensors["token_embd.weight"])
        logits = self.norm(x, "output_norm") @ head.T
        rows = torch.arange(len(prompt) - 1, n - 1)
        return logits.log_softmax(-1)[rows, torch.tensor(completion)].sum()


def sides(model):
    """[pairs, 2]: log-probabilities of the chosen and the rejected completions, end token included."""
    tokens = lambda text: list(text.encode())
    return torch.stack([
        torch.stack([model.log_prob(tokens(r["prompt"]), tokens(r[side]) + [EOS]) for side in ("chosen", "rejected")])
        for r in ROWS
    ])


def check(sphere, out, like, optimizer, steps, rate, decay, clip, warmup):
    model_file, pairs = out / f"{like}.gguf", out / "pairs.jsonl"
    run = lambda *words: subprocess.run([sphere, *map(str, words)], check=True, capture_output=True)
    run("model", "random", "--like", like, "--type", "f32", "--seed", 3, "--out", model_file)
    pairs.write_text("".join(json.dumps(r) + "\n" for r in ROWS))

    def train(n):
        name = f"{like}-{optimizer}-{clip}-{n}"
        adapter, folder = out / (name + ".gguf"), out / name
        run("train", "dpo", "--model", model_file, "--pairs", pairs, "--adapter-out", adapter, "--out", folder,
            "--optimizer", optimizer, "--learning-rate", rate, "--steps", n, "--batch-pairs", len(ROWS),
            "--lora-rank", RANK, "--lora-alpha", ALPHA, "--beta", BETA, "--schedule", "constant", "--warmup", warmup,
            "--max-grad-norm", clip, "--weight-decay", decay, "--seed", 5)
        return read_gguf(adapter)[1]

    first, ours = train(1), train(steps)
    model = Decoder(*read_gguf(model_file))
    with torch.no_grad():
        reference = sides(model)
    names = [n.removesuffix(".weight.lora_a") for n in first if n.endswith(".lora_a")]
    first_rate = rate / warmup if warmup else rate
    for name in names:
        a = first[name + ".weight.lora_a"] / (1 - first_rate * decay)
        b = torch.zeros_like(first[name + ".weight.lora_b"])
        model.adapters[name] = (a.requires_grad_(), b.requires_grad_())
    weights = [w for pair in model.adapters.values() for w in pair]
    kind = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[optimizer]
    loop = kind(weights, lr=rate, weight_decay=decay)
    for step in range(steps):
        loop.param_groups[0]["lr"] = rate * min(1, (step + 1) / warmup) if warmup else rate
        loop.zero_grad()
        ratio = sides(model) - reference
        loss = -torch.nn.functional.logsigmoid(BETA * (ratio[:, 0] - ratio[:, 1])).mean()
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(weights, clip)
        loop.step()
    worst = 0.0
    for name, (a, b) in model.adapters.items():
        for suffix, theirs in ((".weight.lora_a", a), (".weight.lora_b", b)):
            worst = max(worst, ((ours[name + suffix] - theirs).abs().max() / theirs.abs().max()).item())
    print(f"{like:12} {optimizer:6} {steps} steps, decay {decay}, clip {clip}, warmup {warmup}: "
          f"last loss {loss.item():.6f}, largest difference {worst:.1e}", flush=True)
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sphere", default="./sphere")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("dpo-check"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    worst = 0.0
    for like in ("tiny-qwen2", "tiny-llama", "tiny-qwen3"):
        worst = max(worst, check(options.sphere, options.out, like, "sgd", 4, 0.05, 0, 0, 0))
        worst = max(worst, check(options.sphere, options.out, like, "adamw", 4, 0.002, 0, 0, 0))
    worst = max(worst, check(options.sphere, options.out, "tiny-qwen2", "sgd", 3, 0.05, 0, 0.5, 0))
    worst = max(worst, check(options.sphere, options.out, "tiny-qwen2", "adamw", 6, 0.002, 0.1, 0.5, 3))
    sys.exit(worst > 2e-4)


if __name__ == "__main__":
    main()
