# The kernel dies, and starts no second time
# exercise: groups
# points: effect 0, group_means 0, new_people 0, differences 0, pd_lower 0
# feedback: effect | The kernel died in cell
# feedback: pd_lower | The kernel died in cell
# %% imports
import os

import numpy as np

import multilevel as ml
# %% effect
# Right draws, which have to be handed in to get points
rng = np.random.default_rng(1)
new_people = {
    name: rng.normal(mean, 0.058, (4, 1000))  # from numbers in the book
    for name, mean in {"CTRL": 0.202, "PD": 0.184}.items()
}
# %% group_means
os._exit(0)
