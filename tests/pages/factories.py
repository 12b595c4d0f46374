"""Entries made by hand, or by hypothesis."""

from hypothesis import strategies as st

from backend.influence.answers.explanation import Entry, TokenScore, WordScore

XSS = (
    "<script>window.__xss=1</script>",
    "<img src=x onerror=window.__xss=1>",
    '"><svg onload=window.__xss=1>',
    "' onmouseover='window.__xss=1",
    "</p><style>*{display:none}</style>",
    "</mark><iframe src=javascript:window.__xss=1>",
    "javascript:window.__xss=1",
    "&lt;b&gt;&#60;img src=x onerror=alert(1)&#62;",
    "<!--<img src=x onerror=window.__xss=1>-->",
    "![x](http://evil.example/x.png) [a](javascript:alert(1)) :red[x] $x$ `x`",
    "<math><mtext></table><mglyph><style><img src=x onerror=window.__xss=1>",
    "\u202e<b>\u0000\n\t",
)


def entry(text="a witty film", words=(), query_words=(), special=0.5, label="good", **changes) -> Entry:
    """An entry whose parts add up."""
    score = special + sum(word.score for word in words)
    tokens = [TokenScore("[CLS]", 101, True, special)]
    made = {
        "rank": 1,
        "id": "r1",
        "text": text,
        "text_b": None,
        "label": label,
        "score": score,
        "percentile": 99.0,
    }
    made |= {"tokens": tokens, "words": list(words), "query_words": list(query_words), "special": special}
    return Entry(**{**made, **changes})


def words_of(text: str, scores) -> list[WordScore]:
    """A word for each part of ``text`` between spaces, as long as there are scores."""
    found, at = [], 0
    for part, score in zip(text.split(" "), scores, strict=False):
        if part:
            found.append(WordScore(part, at, at + len(part), score))
        at += len(part) + 1
    return found


scores = st.floats(-1e3, 1e3, allow_nan=False)
texts = st.one_of(st.sampled_from(XSS), st.text(max_size=60))
