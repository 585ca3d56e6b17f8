"""A million realistic spans, made inside the engine: 30 days, English and Japanese, a quarter with about 2.5 KB.

Texts are put together from a pool of sentences whose words follow Zipf's law, so that the word index sees a real
vocabulary; users, sessions, models and names are skewed too. A trace has ten spans: a root agent, retrieval, tools and
generations; the first trace of all (`BIG_TRACE`) has 200.
"""

import random
from collections.abc import Iterator

import orjson

from kaname.kernel.text import cjk_bigrams

SPANS = 1_000_000
DAYS = 30
SPANS_A_TRACE = 10
BIG_TRACE_SPANS = 200
BIG_TRACE_ID = "b16" + "0" * 28 + "1"
RARE_WORD, COMMON_WORD = "kaminari", "refund"

_JAPANESE = (
    "返金の手続きを教えてください。東京は日本の首都です。今日は天気が良いので散歩に行きましょう。機械学習モデルの評価方法に"
    "ついて説明してください。Pythonで書いたコードが動きません。注文番号を確認してから担当者に連絡します。社内文書を検索して要点を"
    "まとめました。契約書の第三条に解約の条件が書かれています。明日の会議は午後三時に変更されました。利用規約に同意してください。"
)


def _vocabulary(r: random.Random) -> tuple[list[str], list[float]]:
    syllables = [c + v for c in "bcdfghjklmnprstvwz" for v in ("a", "e", "i", "o", "u", "an", "er", "in", "or", "is")]
    words = list({"".join(r.choice(syllables) for _ in range(r.choice((1, 2, 2, 3, 3, 4)))) for _ in range(60_000)})
    words.sort(key=len)
    weights = [1 / (rank + 3) for rank in range(len(words))]
    return words, weights


def sentences(n: int, length: int, seed: int) -> Iterator[bytes]:
    """JSONEachRow lines `{text, plain, cjk}`: n texts of about `length` bytes, one in five Japanese."""
    r = random.Random(seed)
    words, weights = _vocabulary(random.Random(1))
    stream = iter(r.choices(words, weights, k=n * (length // 5)))
    for i in range(n):
        if i % 5 == 0:
            text = ""
            while len(text) * 3 < length:
                at = r.randrange(len(_JAPANESE) - 16)
                text += _JAPANESE[at : at + r.randrange(6, 16)]
        else:
            picked = [next(stream) for _ in range(length // 7)]
            if i % 101 == 0:
                picked[len(picked) // 2] = COMMON_WORD
            if i % 3001 == 7:
                picked[len(picked) // 2] = RARE_WORD
            text = " ".join(picked[: len(picked) // 2]) + "\n" + " ".join(picked[len(picked) // 2 :])
        yield orjson.dumps(
            {
                "text": orjson.dumps(text).decode()[1:-1],
                "plain": text.replace("\n", " ")[:200],
                "cjk": cjk_bigrams(text),
            }
        )


POOLS = {"pool_long": (8000, 800, 2), "pool_short": (20_000, 100, 3)}
CREATE_POOL = "CREATE TABLE IF NOT EXISTS {name} (text String, plain String, cjk Array(String)) ENGINE = Memory"

MODEL_NAMES = ("gpt-5.2", "gpt-5.2-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "mistral-large")
JAPANESE_TERMS = ("返金", "契約書", "会議は午後", "評価方法", "コード")
WORDS = tuple(_vocabulary(random.Random(1))[0][at] for at in (40, 150, 400, 1000, 3000, 8000, 20_000))


_KINDS = "['agent','retriever','llm','tool','llm','tool','llm','chain','guardrail','llm']"
_NAMES = (
    "['answer question','search documents','chat','lookup order','chat','send mail','summarise','rank passages',"
    "'check policy','chat']"
)
_MODELS = (
    "['gpt-5.2','gpt-5.2','gpt-5.2','gpt-5.2-mini','gpt-5.2-mini','claude-sonnet-4-5','claude-sonnet-4-5',"
    "'claude-haiku-4-5','gemini-2.5-flash','qwen2.5-0.5b-instruct','llama-3.3-70b','mistral-large']"
)
_PROVIDERS = (
    "['openai','openai','openai','openai','openai','anthropic','anthropic','anthropic','gcp.gemini','local','groq',"
    "'mistral_ai']"
)


def insert_spans(project_id: str, first: int, count: int, end_ns: int) -> str:
    """SQL that adds spans number `first` … `first + count`; span `SPANS` starts at `end_ns`."""
    step_ns = DAYS * 86_400 * 10**9 // (SPANS // SPANS_A_TRACE)
    begin_ns = end_ns - DAYS * 86_400 * 10**9
    return f"""INSERT INTO spans (project_id, trace_id, span_id, parent_span_id, name, kind, start_time, duration_ns,
 status, status_message, level, is_root, environment, service_name, session_id, user_id, tags, metadata, provider,
 model,
 tool_name, agent_name, prompt_name, time_to_first_token_ns, usage, input_tokens, output_tokens, cost_usd, cost_source,
 input, input_format, input_preview, output, output_format, output_preview, search_cjk, attributes, resource,
 scope_name, dialects, normaliser_version, received_at, row_version)
WITH
 (SELECT groupArray(text) FROM pool_long) AS long_text, (SELECT groupArray(plain) FROM pool_long) AS long_plain,
 (SELECT groupArray(cjk) FROM pool_long) AS long_cjk, (SELECT groupArray(text) FROM pool_short) AS short_text,
 (SELECT groupArray(plain) FROM pool_short) AS short_plain, (SELECT groupArray(cjk) FROM pool_short) AS short_cjk,
 toUInt64(number) AS n,
 if(n < {BIG_TRACE_SPANS}, 0, intDiv(n, {SPANS_A_TRACE})) AS t,
 n = 0 OR (n >= {BIG_TRACE_SPANS} AND n % {SPANS_A_TRACE} = 0) AS root,
 sipHash64(toUInt64(t), 1) AS ht, sipHash64(n, 2) AS hn,
 toUInt32(n % 10 + 1) AS slot,
 ({_KINDS})[slot] AS k,
 toUInt32(hn % 12 + 1) AS mi,
 k = 'llm' AS is_llm,
 hn % 4 = 0 AS big,
 toUInt32(sipHash64(n, 3) % 8000 + 1) AS l1, toUInt32(sipHash64(n, 4) % 8000 + 1) AS l2,
 toUInt32(sipHash64(n, 5) % 8000 + 1) AS l3, toUInt32(sipHash64(n, 6) % 20000 + 1) AS s1,
 toUInt32(sipHash64(n, 7) % 20000 + 1) AS s2,
 {begin_ns} + toInt64(t) * {step_ns} + toInt64(n % {SPANS_A_TRACE}) * 300000000 + toInt64(hn % 100000000) AS at,
 hn % 37 = 5 AS failed,
 toUInt64(pow(10, 7 + (hn % 1000) / 1000 * 3.3)) AS took,
 if(is_llm, 50 + hn % 4000, 0) AS tin, if(is_llm, 10 + hn % 700, 0) AS tout
SELECT '{project_id}', if(t = 0, '{BIG_TRACE_ID}',
  concat(leftPad(lower(hex(ht)), 16, '0'), leftPad(lower(hex(sipHash64(t, 9))), 16, '0'))),
 leftPad(lower(hex(hn)), 16, '0'),
 if(root, '', leftPad(lower(hex(sipHash64(
  toUInt64(if(n < {BIG_TRACE_SPANS}, intDiv(n, 3), intDiv(n, {SPANS_A_TRACE}) * {SPANS_A_TRACE})), 2))), 16, '0')),
 ({_NAMES})[slot], k, fromUnixTimestamp64Nano(at, 'UTC'), took,
 if(failed, 'error', if(hn % 3 = 0, 'ok', 'unset')), if(failed, 'upstream timed out after 30 s', ''),
 if(failed, 'error', 'default'), root, if(ht % 5 = 0, 'staging', 'production'),
 (['assistant','support-bot','search-api','batch'])[toUInt32(ht % 4 + 1)],
 concat('ses-', toString(intDiv(t, 4))), concat('user-', toString(toUInt64(pow(ht % 10000, 1.6) / 251))),
 if(ht % 3 = 0, ['beta', 'ja'], []), map('region', (['tokyo','osaka','virginia'])[toUInt32(ht % 3 + 1)]),
 if(is_llm, ({_PROVIDERS})[mi], ''), if(is_llm, ({_MODELS})[mi], ''),
 if(k = 'tool', ({_NAMES})[slot], ''), if(root, 'assistant', ''), if(is_llm AND hn % 2 = 0, 'answer', ''),
 if(is_llm, toNullable(intDiv(took, 5)), NULL),
 if(is_llm, map('input_uncached', tin, 'output_text', tout), map()), tin, tout,
 if(is_llm, toNullable(toDecimal64((tin * 0.8 + tout * 4) / 1000000, 12)), NULL), if(is_llm, 'computed', ''),
 concat('[{{"role":"system","parts":[{{"type":"text","content":"', if(big, long_text[l1], short_text[s1]),
  '"}}]}},{{"role":"user","parts":[{{"type":"text","content":"', if(big, long_text[l2], short_text[s2]), '"}}]}}]'),
 'messages', if(big, long_plain[l2], short_plain[s2]),
 concat('[{{"role":"assistant","parts":[{{"type":"text","content":"', if(big, long_text[l3], short_text[s1]),
  '"}}]}}]'),
 'messages', if(big, long_plain[l3], short_plain[s1]),
 if(big, arrayDistinct(arrayConcat(long_cjk[l1], long_cjk[l2], long_cjk[l3])),
  arrayDistinct(arrayConcat(short_cjk[s1], short_cjk[s2]))),
 concat('{{"gen_ai.operation.name":"chat","gen_ai.request.temperature":0.2,"server.address":"api.example.com",',
  '"thread.id":', toString(hn % 97), ',"code.function":"', k, '"}}'),
 '{{"service.name":"assistant","telemetry.sdk.language":"python","telemetry.sdk.version":"1.38.0"}}',
 'openinference.instrumentation.openai', ['otel_genai'], 1, fromUnixTimestamp64Nano(at + took, 'UTC'), 1
FROM numbers({first}, {count})"""
