# A loop without end: what was there before it counts
# exercise: groups
# points: effect 0, group_means 0, new_people 2, differences 0, pd_lower 0
# feedback: effect | was not through after 60 seconds
# feedback: group_means | was not through after 60 seconds
# %% imports
import time

import numpy as np

import multilevel as ml
# %% effect
rng = np.random.default_rng(1)
new_people = {
    name: rng.normal(mean, 0.058, (4, 1000))  # from numbers in the book
    for name, mean in {"CTRL": 0.202, "PD": 0.184}.items()
}
# %% group_means
while "PD" not in (group_means := {}):
    time.sleep(0.1)
