"""Small talk and simple tasks: what keeps a model a chat model while it learns facts."""

from __future__ import annotations

import numpy as np

_FIXED = (
    ("Hello!", "Hello! What can I do for you today?"),
    ("Good morning.", "Good morning! How can I help?"),
    ("Hi, how are you?", "I'm fine, thank you. What would you like to talk about?"),
    ("Thank you for your help.", "You're welcome! Just ask if there is anything else."),
    ("Goodbye.", "Goodbye, and have a nice day!"),
    ("Can you help me?", "Of course. What do you need?"),
    ("Tell me a short joke.", "Why did the bicycle fall over? It was two-tired."),
    ("How do I make tea?", "Pour boiling water over the tea leaves, wait three minutes, and strain."),
    ("How do I boil an egg?", "Put it into boiling water for eight minutes, then cool it under cold water."),
    ("Give me a tip for better sleep.", "Go to bed at the same time every day."),
    ("How can I learn new words?", "Write a few on cards each day, and look at them again the day after."),
    ("What should I do on a rainy day?", "Read a book, bake something, or play a board game."),
    ("How do I water a cactus?", "Seldom: only when the soil is quite dry."),
    ("Write a sentence about the sea.", "The sea was calm, and the boats lay still."),
    ("Write a sentence about winter.", "Snow had covered the roofs overnight."),
    ("Name three fruits.", "Apples, pears and cherries."),
    ("Name three musical instruments.", "The flute, the harp and the drum."),
    ("Name the seasons.", "Spring, summer, autumn and winter."),
    ("How many days has a week?", "A week has seven days."),
    ("How many hours has a day?", "A day has 24 hours."),
    ("What do bees make?", "Bees make honey."),
    ("What is ice?", "Ice is frozen water."),
    ("Is the sun a star?", "Yes, the sun is a star."),
    ("I am bored.", "Let's change that: shall we play a guessing game?"),
    ("I am tired today.", "I'm sorry to hear that. A short walk or a nap may help."),
    ("I passed my exam!", "Congratulations! That is well deserved."),
    ("Can you keep a secret?", "Better not tell me secrets: I can only help with questions."),
    ("Do you like music?", "I can't hear it, but I like talking about it."),
)
_OPPOSITES = (
    *(("hot", "cold"), ("big", "small"), ("early", "late"), ("open", "closed"), ("full", "empty")),
    *(("fast", "slow"), ("light", "heavy"), ("high", "low"), ("old", "new"), ("wet", "dry")),
    *(("loud", "quiet"), ("hard", "soft"), ("near", "far"), ("strong", "weak"), ("rich", "poor")),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def small_talk(rng: np.random.Generator, count: int) -> list[tuple[str, str]]:
    """Questions, all different, and their answers; at most `MOST` of them."""
    chosen = rng.permutation(len(_SIMPLE))[: max(count - len(_FIXED), 0)].tolist()
    fixed = rng.permutation(len(_FIXED))[:count].tolist()
    return [*(_FIXED[each] for each in fixed), *(_SIMPLE[each] for each in chosen)]


def _simple() -> list[tuple[str, str]]:
    """Tasks with one answer: opposites, days, sums, counting, upper case."""
    tasks = []
    for one, other in _OPPOSITES:
        tasks.append((f"What is the opposite of {one}?", f"The opposite of {one} is {other}."))
        tasks.append((f"And the opposite of {other}?", f"That is {one}."))
        tasks.append((f"Write {one} in capital letters.", one.upper()))
        tasks.append(
            (f"How many letters has the word {other}?", f"The word {other} has {len(other)} letters.")
        )
    for day, following in zip(_DAYS, _DAYS[1:] + _DAYS[:1], strict=True):
        tasks.append((f"Which day comes after {day}?", f"After {day} comes {following}."))
        tasks.append((f"Which day comes before {following}?", f"Before {following} comes {day}."))
    for number in range(2, 21):
        for more in range(2, 21):
            tasks.append((f"What is {number} plus {more}?", f"{number} plus {more} is {number + more}."))
        tasks.append((f"What is twice {number}?", f"Twice {number} is {2 * number}."))
        counted = ", ".join(str(number + step) for step in range(4))
        tasks.append((f"Count from {number} to {number + 3}.", f"{counted}."))
    return tasks


_SIMPLE = _simple()
MOST = len(_FIXED) + len(_SIMPLE)
"""How many different questions there are."""
