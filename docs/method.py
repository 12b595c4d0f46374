"""The method, from the formula to one score and its words, on five sentences.

    python docs/method.py

    g_c(x, w) = sum over positions i of x with token w of  d loss_c(x) / d e_i
    I(x, q)   = sum over checkpoints c of eta_c * sum over tokens w of  g_c(x, w) . g_c(q, w)

This is TracIn-WE (Yeh et al. 2022; docs/design.md, section 3.1), written down as it stands, with dense
matrices and one example at a time; e_i is the output of the embedding layer at position i. Firstword computes
the same numbers for whole data sets; the last part compares the two. Each tensor has its shape beside it:
n training sentences, L positions of one (M of another), V tokens in the vocabulary, d numbers of an
embedding, K classes.
"""

import copy
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForSequenceClassification

CLASSES = ("bad", "good")
TRAIN = (
    ("A gorgeous, witty film.", 1),
    ("The plot is dull and the acting is dull.", 0),
    ("An honest film, and a witty one.", 1),
    ("Not even the music saves this dull plot.", 0),
    ("The music is gorgeous, the film is bad, bad, bad!", 0),
)
QUERY = ("The witty plot saves a bad film.", 1)

# -- A tokenizer of whole words, a small classifier, and a training that keeps three checkpoints -------------

split = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
seen = {w for text, _ in (*TRAIN, QUERY) for w, _ in split.pre_tokenize_str(text.lower())}
vocabulary = {token: number for number, token in enumerate(["[PAD]", "[CLS]", "[SEP]", *sorted(seen)])}
tokenizer = Tokenizer(models.WordLevel(vocabulary))
tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.Lowercase(), split
tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))

torch.manual_seed(0)
shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
model = BertForSequenceClassification(BertConfig(vocab_size=len(vocabulary), initializer_range=0.2, **shape))
n, K = len(TRAIN), len(CLASSES)
V, d = model.get_input_embeddings().weight.shape

checkpoints, eta = [], 0.02  # a checkpoint's weight is the mean learning rate of the interval that it closes
optimizer = torch.optim.SGD(model.parameters(), lr=eta)
for _ in range(3):
    for text, label in TRAIN:
        ids = torch.tensor([tokenizer.encode(text).ids])  # (1, L)
        optimizer.zero_grad()
        cross_entropy(model.train()(ids).logits, torch.tensor([label])).backward()
        optimizer.step()
    checkpoints.append(copy.deepcopy(model).eval())

# -- The formula ---------------------------------------------------------------------------------------------


def position_gradients(model, text, label):
    """The gradient of one example's loss at the output of the embedding layer, for each position."""
    ids = torch.tensor(tokenizer.encode(text).ids)  # (L)
    e = model.get_input_embeddings()(ids).detach().requires_grad_()  # (L, d)
    logits = model(inputs_embeds=e[None]).logits  # (1, K)
    loss = cross_entropy(logits, torch.tensor([label]))  # ()
    (gradient,) = torch.autograd.grad(loss, e)  # (L, d)
    return ids, gradient


def token_gradients(model, text, label):
    """The sum over the positions of each token: what the weight of an untied embedding layer would get."""
    ids, gradient = position_gradients(model, text, label)  # (L) (L, d)
    g = torch.zeros(V, d).index_add_(0, ids, gradient)  # (V, d)
    return g


def terms(x, q):
    """Each token's part of I(x, q). Only tokens that stand in both have one."""
    term = torch.zeros(V)  # (V)
    for c in checkpoints:
        term += eta * (token_gradients(c, *x) * token_gradients(c, *q)).sum(dim=1)  # (V)
    return term


influence = torch.stack([terms(x, QUERY).sum() for x in TRAIN])  # (n)

# -- Its words (docs/design.md, section 3.2) -----------------------------------------------------------------


def position_scores(x, q):
    """A term, split over the places of its token: s(i, j) of position i in x and position j in q."""
    s = torch.zeros(())  # ()
    for c in checkpoints:
        ids, at_x = position_gradients(c, *x)  # (L) (L, d)
        others, at_q = position_gradients(c, *q)  # (M) (M, d)
        same = ids[:, None] == others[None, :]  # (L, M)
        s = s + eta * same * (at_x @ at_q.T)  # (L, M)
    return s


def words(text, scores):
    """Word by word (here a word is one token), and what tokens carry that are no words."""
    encoded = tokenizer.encode(text)
    marks = zip(encoded.offsets, encoded.special_tokens_mask, scores.tolist(), strict=True)
    found = [(text[start:end], score) for (start, end), special, score in marks if not special]
    return found, scores.sum().item() - sum(score for _, score in found)


best = int(influence.argmax())
s = position_scores(TRAIN[best], QUERY)  # (L, M)
helpful = words(TRAIN[best][0], s.sum(dim=1))
asked = words(QUERY[0], s.sum(dim=0))

print(f"asked: {QUERY[0]} ({CLASSES[QUERY[1]]})\n")
for place in influence.argsort(descending=True).tolist():
    print(f"{influence[place]:+.5f}  {CLASSES[TRAIN[place][1]]:<5} {TRAIN[place][0]}")
for name, (found, special) in (("the most helpful row", helpful), ("the question", asked)):
    print(f"\nwords of {name}:", *(f"{word} {score:+.5f}" for word, score in found), sep="\n  ")
    print(f"  special tokens {special:+.5f}, together {sum(score for _, score in found) + special:+.5f}")

# -- The same from Firstword: a whole batch in one pass, rows of only those tokens that occur ----------------

sys.path.insert(0, str(Path(__file__).parent.parent))
from backend.influence.gradients import token_rows as firstword  # noqa: E402

examples = (*TRAIN, QUERY)
tokenizer.enable_padding(pad_id=0)
batch = tokenizer.encode_batch([text for text, _ in examples])
ids = torch.tensor([each.ids for each in batch])  # (n + 1, L)
mask = torch.tensor([each.attention_mask for each in batch])  # (n + 1, L)
labels = torch.tensor([label for _, label in examples])  # (n + 1)
inputs = {"input_ids": ids, "attention_mask": mask}
difference, total = 0.0, torch.zeros(n)  # (n)
for c in checkpoints:
    _, gradient = firstword.position_gradients(c, inputs, labels)  # (n + 1, L, d)
    rows = firstword.merge_positions(ids, gradient, mask.bool())
    g = torch.zeros(n + 1, V, d)  # (n + 1, V, d)
    g[rows.owners, rows.tokens] = torch.from_numpy(rows.rows)  # (rows, d)
    dense = torch.stack([token_gradients(c, *example) for example in examples])  # (n + 1, V, d)
    difference = max(difference, (g - dense).abs().max().item())
    total += eta * (g[:-1] * g[-1]).sum(dim=(1, 2))  # (n)
difference = max(difference, (total - influence).abs().max().item())
print(f"\nlargest difference from Firstword's gradients and scores: {difference:.1e}")
