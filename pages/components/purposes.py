"""What each page is for, in a sentence: said where it has nothing to show."""

PURPOSES = {
    "overview": "Overview says what is loaded, what was found, and what to do next.",
    "inspect": "Inspect names the training examples, and words in them, that made the model say something.",
    "review": "Review lists the training rows to look at first, each with reasons and buttons to decide.",
    "explore": "Explore shows all rows as a map and a table, to filter, select and decide about at once.",
    "words": "Words lists the words that mislead the model, and the training rows that carry them.",
    "sources": "Sources says which groups of training rows pull the model towards the eval rows, and which "
    "away.",
    "scores": "Scores shows every measure of the training rows, one by one and side by side.",
    "changes": "Changes lists every decision, who made it and why; each can be reverted.",
    "retrain": "Retrain trains again with your decisions and says whether they helped by more than chance.",
    "export": "Export writes the cleaned data, the removed rows, or your decisions as a patch.",
    "new": "New workspace takes your data and a model, checks every row, and builds the rest.",
    "jobs": "Jobs lists all long work: how far it is, how it ended, and what it said.",
    "help": "Help explains the method, its limits, the words used here, the keys and what things cost.",
    "pair": "Pair shows one text and one training example word by word.",
}
