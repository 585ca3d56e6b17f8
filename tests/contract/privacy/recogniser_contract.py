"""What every recogniser owes its callers, whatever it finds. A third party's runs the same checks."""

from collections.abc import Sequence

from kaname.privacy.model import Recogniser, View

FULL_WIDTH = {code: chr(code + 0xFEE0) for code in range(0x21, 0x7F)}
DIGITS = str.maketrans("0123456789", "０１２３４５６７８９")


class RecogniserContract:
    """`hits` and `misses` are texts with the thing between « and »; a miss must not be found there."""

    def __init__(self, recogniser: Recogniser, hits: Sequence[str], misses: Sequence[str]) -> None:
        self.recogniser = recogniser
        self.hits = hits
        self.misses = misses

    def found(self, text: str, threshold: float = 0.5) -> set[str]:
        """What is found, as text; findings are in the text, ordered inside, and of the kinds that are declared."""
        view = View(text)
        if not self.recogniser.applies(view):
            return set()
        result: set[str] = set()
        for finding in self.recogniser.find(view):
            assert finding.kind in self.recogniser.kinds
            assert 0 <= finding.start < finding.end <= len(text)
            assert 0 <= finding.score <= 1
            assert len(finding.why) < 60
            if finding.score >= threshold:
                result.add(text[finding.start : finding.end])
        return result

    def finds_what_it_should(self) -> None:
        for hit in self.hits:
            before, wanted, after = _parts(hit)
            for text, value in (
                (f"{before}{wanted}{after}", wanted),
                (f"前の文です。{before}{wanted}{after}。次の文", wanted),
                (f"{before}{wanted.translate(DIGITS)}{after}", wanted.translate(DIGITS)),
            ):
                assert value in self.found(text), (text, self.recogniser.find(View(text)))

    def leaves_what_it_should(self) -> None:
        for miss in self.misses:
            before, wanted, after = _parts(miss)
            assert not self.found(f"{before}{wanted}{after}"), (
                miss,
                self.recogniser.find(View(before + wanted + after)),
            )

    def bears_any_text(self, text: str) -> None:
        self.found(text, 0.0)


def _parts(marked: str) -> tuple[str, str, str]:
    before, _, rest = marked.partition("«")
    wanted, _, after = rest.partition("»")
    return before, wanted, after
