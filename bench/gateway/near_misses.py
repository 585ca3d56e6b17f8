"""How often the semantic cache would give the wrong answer: cosines of near-miss questions and of paraphrases.

    python -m bench.gateway.near_misses --model smollm2 --weights ~/.kaname/models/<digest>.gguf
    python -m bench.gateway.near_misses --url http://127.0.0.1:8000/v1 --model multilingual-e5

A false hit is a pair that asks different things and reaches the threshold; a true hit a paraphrase that does. The
pairs are ours (`near_misses.json`), thirty near misses and fifteen paraphrases a language; each differs by a word or
two. The check of words (`cache/wording.py`) was written with the first twenty and ten in view; the others are "unseen".
"""

import argparse
import json
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kaname.gateway.cache.semantic import Vector, unit_vector
from kaname.gateway.cache.wording import ask_the_same
from kaname.kernel.ids import random_token
from kaname.serving.engines.llama_cpp import LlamaCppEngine
from kaname.serving.engines.port import EngineSpec

PAIRS = Path(__file__).with_name("near_misses.json")
THRESHOLDS = (0.80, 0.90, 0.95, 0.97, 0.98, 0.99)
Embed = Callable[[str], Vector]


def embedder(url: str, model: str, key: str) -> Embed:
    """Asks an OpenAI-compatible server."""

    def embed(text: str) -> Vector:
        body = json.dumps({"model": model, "input": text}).encode()
        headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
        request = urllib.request.Request(url + "/embeddings", body, headers)
        with urllib.request.urlopen(request, timeout=60) as reply:
            vector = unit_vector(json.load(reply)["data"][0]["embedding"])
        assert vector is not None
        return vector

    return embed


@contextmanager
def local(model: str, weights: Path) -> Iterator[Embed]:
    """Runs weights with the engine that Kaname runs."""
    spec = EngineSpec(
        model=model, weights=str(weights), lock=f"/tmp/{random_token(8)}.lock", threads=2, slots=1,
        context_tokens=2048, embeddings=True, api_key=random_token(20),
    )  # fmt: skip
    engine = LlamaCppEngine(spec)
    engine.start()
    try:
        engine.wait_ready(60)
        yield embedder(engine.base_url, model, spec.api_key)
    finally:
        engine.stop()


def cosine(embed: Embed, pair: list[str]) -> float:
    """Of two texts."""
    one, two = (embed(text).values for text in pair)
    return sum(a * b for a, b in zip(one, two, strict=True))


def report(embed: Embed, name: str) -> None:
    """Rates at each threshold."""
    print(f"{name}: share of pairs at or above a threshold")
    print(f"{'pairs':38}" + "".join(f"{threshold:>8.2f}" for threshold in THRESHOLDS) + "   median cosine")
    for language, kinds in json.loads(PAIRS.read_text()).items():
        for kind, pairs in kinds.items():
            found = [(cosine(embed, pair), ask_the_same(*pair)) for pair in pairs]
            for words in (False, True):
                hits = [sum(c >= t and (same or not words) for c, same in found) / len(found) for t in THRESHOLDS]
                rates = "".join(f"{rate:8.0%}" for rate in hits)
                name = f"{kind}{', words checked' if words else ''}"
                print(f"{language:4}{name:34}{rates}   {sorted(found)[len(found) // 2][0]:.3f}")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--url", help="an OpenAI-compatible server, with its /v1")
    parser.add_argument("--weights", type=Path, help="a GGUF file, when no server is given")
    parser.add_argument("--key", default="none")
    options = parser.parse_args()
    if options.url:
        report(embedder(options.url, options.model, options.key), options.model)
    elif options.weights:
        with local(options.model, options.weights) as embed:
            report(embed, options.model)
    else:
        sys.exit("give --url or --weights")


if __name__ == "__main__":
    main()
