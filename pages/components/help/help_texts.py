"""What the Help page says."""

IDEA = (
    "A model learns by small steps. Each step looks at some training examples and moves the weights so that "
    "the model is less wrong about them. Such a step also changes, by a little, what the model says about "
    "every other text. **Influence** adds up these changes: how much did learning from this training example "
    "raise or lower the model's error on the text in question?",
    "Firstword looks at the steps through the word embeddings, the layer where the model first meets each "
    "word. There an influence falls apart into words: a training example can act on your text through the "
    "words that stand in both. That is why the app can show not only *which* example mattered, but *which "
    "word in it*. The parts add up to the score exactly. Of language models the app also looks at the "
    "output table, from which each word is written: a word can matter where it is *read* and where it is "
    "*written*.",
    "Several checkpoints of the training are used, each weighted by how fast the model was learning then.",
)
SCORE = (
    "**Above zero: helpful.** Training on the example made what is explained (a class, or the marked "
    "words of an answer) more likely for this text. **Below zero: harmful.** It made that less likely. "
    "Helpful does not mean good: where the prediction or the answer is wrong, the helpful examples are those "
    "that pulled it there.",
    "**Compare, don't read off.** A score is no probability and has no unit. Within one answer, an example "
    "with twice the score had twice the effect, as far as the approximation goes. Scores of different texts, "
    "models or score modes do not compare. The rank and the percentile are the safe things to quote.",
)
CAN = (
    "Find the examples behind a wrong prediction, to look at them.",
    "See that a prediction hangs on a word that should not matter.",
    "Find wrong labels and answers, contradictions and duplicates sooner than by reading at random.",
    "Say what to expect from removing, relabelling or correcting examples, before training again.",
)
CANNOT = (
    "No proof of cause. It is a first-order approximation; only training again shows the effect.",
    "Not about meaning. Two texts that say the same in other words share no word and get no score.",
    "Not complete. Text beyond the model's length is not read, and is said to be cut.",
    "Not about data that the model was pretrained on, only about your training rows.",
    "Not a verdict on a row. A rare but right example can be the most harmful one.",
)
DECISIONS = {
    "keep": (
        "Notes that the row was looked at. It stays in the data and leaves the queue.",
        "The label is right, however odd the row looks.",
    ),
    "flag": (
        "Marks the row for a second look. It stays in the data.",
        "You are not sure, or somebody else should decide.",
    ),
    "remove": (
        "Leaves the row out of the cleaned data.",
        "The text is broken, off topic, or a copy that should not count twice.",
    ),
    "relabel": (
        "Gives the row another label in the cleaned data. A language model's row is corrected: an answer "
        "gets another text, a turn is taken out, or words are taken out of the loss.",
        "The text is fine and the label, or the answer, is wrong. Better than removing: the model learns the "
        "right thing.",
    ),
}
KEYS = {
    "U": "Undo the last decision of your own",
    "Y": "Redo it",
    "Left, Right": "Inspect, and Review in Focus: the previous and the next row",
    "K, F, X": "Review in Focus: keep, flag, remove the row, and go on to the next; on Pair, and with a "
    "single row of Explore, about that row",
    "1 to 9": "There, too: relabel the row as the class with this number; in blind mode: say what you "
    "would call it",
    "/": "There, too, with more than nine classes: to the list of all classes, where one types a part of "
    "the name; the digits then stand for the nine likeliest",
    "L": "Review in blind mode: relabel the row as what you called it",
    "S": "Review in Focus: skip the row. It stays undecided, and its turn comes again after the last",
    "Tab, Enter": "Move to the next control, press it",
}
GLOSSARY = {
    "workspace": "A folder with one data set, one model with its checkpoints, and all that was computed "
    "from them.",
    "training row, example": "A row that the model was trained on.",
    "eval row": "A row held out from training, to see what the model makes of it.",
    "query": "What is explained: a text and the class that is asked about; or a conversation and its answer, "
    "or the words of it that are marked.",
    "class, label": "What the model tells apart; what a row is said to be.",
    "turn, learnt": "What one speaker says in a conversation; a turn is learnt if the model is trained to "
    "write it, such as an answer.",
    "read, written": "The two sides of a language model's influence: words that stand before what is asked "
    "about, and words that a row teaches the model to write.",
    "template": "What is put around the turns of a conversation (role names, marks). Its tokens are told "
    "apart from what people wrote.",
    "nats": "The unit of a loss: minus the natural logarithm of a probability. 0.7 nats are one half, 2.3 a "
    "tenth.",
    "influence": "By how much training on an example lowered (above zero) or raised (below zero) the loss "
    "of the query.",
    "helpful, harmful": "Training examples with an influence above or below zero.",
    "self-influence": "The influence of a row on itself. High where the model had to learn the row by heart: "
    "rare rows, and wrong labels.",
    "loss": "How wrong the model is about a text and a class, or about words to write; 0 is perfect.",
    "gradient": "The direction in which weights would have to move to lower the loss.",
    "checkpoint": "A copy of the model saved during its training.",
    "eta": "The weight of a checkpoint: the mean learning rate of the stretch of training that it closes.",
    "token": "A word or a part of one, as the model reads it. The app puts words together again.",
    "special tokens": "Marks that every text gets, such as [CLS] and [SEP]. Their share of a score is shown "
    "in a line of its own.",
    "precompute, tracing": "Going through all training rows once, so that questions are answered at once.",
    "index": "The arranged gradients of all rows, in which the strongest examples are found.",
    "recall": "How many of the truly strongest examples the index finds; measured when it is made.",
    "blind": "A way to review: label, reasons and suggestion are hidden until you have said what you would "
    "call the row, so that they can't sway you.",
    "suspicion": "A row's place among all rows by several scores taken together: 1 is the most suspicious.",
    "stale": "Computed from data or a model that have changed since. Named as such, never used.",
    "version": "A name for the decisions in force at a moment: v1, v2, ... It can be compared and restored.",
    "patch": "A file that says what was decided about which row and why, to be imported elsewhere.",
    "overlap": "Eval rows whose text also stands in training; they make accuracy look better than it is.",
}
COSTS = {
    "Train": "One fine-tuning of your model.",
    "Precompute": "About two thirds of a training step per row and checkpoint, once. 10,000 rows: 3 minutes "
    "and 0.4 GB of disk. 100,000 rows: half an hour and 4 GB. A language model of 135 million parameters and "
    "short conversations: half a second per row and checkpoint.",
    "A question": "A search of about 30 ms at 100,000 rows, and one pass of the model for the text.",
    "Scores for the queue": "A minute or two for thousands of rows; some train small models on parts of the "
    "data.",
    "Self-test": "Training, precompute and all scores once more, on a copy that is deleted afterwards.",
    "A decision": "Nothing is computed; it is stored in a few milliseconds.",
}
