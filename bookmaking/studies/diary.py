"""Simulate the diary study of the page "From your table to a report": data/diary.csv.

usage: python -m bookmaking.studies.diary

No student was ever asked: the table is simulated, from the values in ``THRESHOLDS``, ``SLOPES``
and ``SIGMA_ID``, and then given the usual trouble of real tables. Sixty students are asked on each
of seven evenings how stressed they are, how many hours they slept the night before, and whether
they have an exam within the next two days.

- A student's usual sleep is Normal(7, 0.7) hours. A night is Normal(usual, 1.1), half an hour
  shorter if an exam is near, rounded to half hours.
- An exam is near on two of the seven days, chosen at random for each student.
- Stress is a cumulative logit with the thresholds, slopes and sd between students below.
  Sleep has two slopes: for a night longer than the student's usual, and for a longer usual sleep.
- A response is missing with a probability of 0.04, or 0.12 if an exam is near, whatever the stress;
  sleep is missing with a probability of 0.03.
- One number of hours lacks its decimal point, and some responses have a capital or a blank.
"""

import numpy as np
import pandas as pd

from bookmaking.paths import DATA
from bookmaking.recording import write_table

TABLE = DATA / "diary.csv"
SEED = 2026
STUDENTS, DAYS, EXAM_DAYS = 60, 7, 2
RESPONSES = ["not at all", "a little", "somewhat", "very"]
THRESHOLDS = [-1.5, 0.6, 2.4]
"""For a student who usually sleeps seven hours, after such a night, without an exam near."""
SLOPES = {"night": -0.4, "usual": -0.9, "exam": 0.9}
SIGMA_ID = 1.2


def simulate(seed: int = SEED) -> pd.DataFrame:
    """Return the table, one row per student and day, with its trouble.

    Parameters
    ----------
    seed
        Seed of all random numbers.

    Returns
    -------
    DataFrame
        ``id``, ``day``, ``stress`` (text), ``sleep`` (hours) and ``exam`` (0 or 1).
    """
    rng = np.random.default_rng(seed)
    ids = np.sort(rng.choice(np.arange(101, 1000), STUDENTS, replace=False))
    usual = rng.normal(7, 0.7, STUDENTS)
    level = rng.normal(0, SIGMA_ID, STUDENTS)
    exam = rng.permuted(np.tile(np.arange(DAYS) < EXAM_DAYS, (STUDENTS, 1)), axis=1)
    night = rng.normal(usual[:, None], 1.1, (STUDENTS, DAYS)) - 0.5 * exam
    sleep = np.clip(np.round(2 * night) / 2, 2, 12)
    eta = level[:, None] + SLOPES["exam"] * exam
    eta = eta + SLOPES["night"] * (sleep - usual[:, None])
    eta = eta + SLOPES["usual"] * (usual[:, None] - 7)
    latent = eta + rng.logistic(size=eta.shape)
    response = np.searchsorted(THRESHOLDS, latent)
    table = pd.DataFrame(
        {
            "id": ids.repeat(DAYS),
            "day": np.tile(np.arange(1, DAYS + 1), STUDENTS),
            "stress": np.array(RESPONSES, object)[response.ravel()],
            "sleep": sleep.ravel(),
            "exam": exam.ravel().astype(int),
        }
    )
    silent = rng.random(len(table)) < np.where(table["exam"] == 1, 0.12, 0.04)
    forgotten = rng.random(len(table)) < 0.03
    whole = np.flatnonzero(~silent & ~forgotten & (table["sleep"] % 1 == 0.5))
    capital, blank, typo = np.split(rng.permutation(whole)[:9], [5, 8])
    table.loc[capital, "stress"] = table.loc[capital, "stress"].str.capitalize()
    table.loc[blank, "stress"] += " "
    table.loc[typo, "sleep"] *= 10
    return table.assign(
        stress=table["stress"].mask(silent, None), sleep=table["sleep"].mask(forgotten)
    )


if __name__ == "__main__":
    write_table(simulate(), TABLE)
