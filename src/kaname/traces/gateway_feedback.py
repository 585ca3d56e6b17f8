"""Feedback that came through the gateway becomes a score, through the journal like every other."""

from kaname.gateway.feedback import Feedback
from kaname.gateway.ports import Caller
from kaname.kernel.clock import Clock
from kaname.kernel.ids import new_id
from kaname.traces.model import ScoreRow, ScoreTarget
from kaname.traces.ports import ScoreWriter


class FeedbackScores:
    """Implements the gateway's `FeedbackWriter`."""

    def __init__(self, writer: ScoreWriter, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock

    async def write(self, caller: Caller, feedback: Feedback) -> str:
        """Returns the score's id when it is on disk."""
        target, now_ns = feedback.target, self._clock.now_ns()
        kind: ScoreTarget = "session" if target.session_id else "span" if target.span_id else "trace"
        row = ScoreRow(
            project_id=caller.project_id or "",
            score_id=feedback.id or new_id("scr"),
            name=feedback.name,
            data_type=feedback.data_type,
            value=feedback.value,
            label=feedback.label,
            text=feedback.text,
            source="user",
            author_id=caller.id,
            author_name=caller.name,
            explanation=feedback.explanation,
            target=kind,
            trace_id=target.trace_id,
            span_id=target.span_id,
            session_id=target.session_id,
            created_ns=now_ns,
            row_version=now_ns,
        )
        await self._writer.write([row])
        return row.score_id
