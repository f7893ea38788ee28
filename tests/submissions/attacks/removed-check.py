# Takes out the cells that hand in two answers, a right one and a wrong one
# exercise: groups
# removes: group_means
# removes: pd_lower
# points: effect 0, group_means 0, new_people 0, pd_lower 2
# feedback: group_means | The posterior means differ by more than chance.
# %% imports
import numpy as np

import multilevel as ml
# %% group_means
noise = np.random.default_rng(1).normal(size=(2, 4, 1000))
group_means = {"CTRL": noise[0], "PD": noise[1]}
# %% pd_lower
pd_lower = 0.59  # Phi(0.018 / (0.056 * sqrt(2))), from numbers in the book
