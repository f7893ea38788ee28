# Takes out the cells that hand in two answers, a right one and a wrong one
# exercise: groups
# removes: group_means
# removes: new_people
# points: effect 0, group_means 0, new_people 2, differences 0, pd_lower 0
# feedback: group_means | The posterior means differ by more than chance.
# %% imports
import numpy as np

import multilevel as ml
# %% group_means
noise = np.random.default_rng(1).normal(size=(2, 4, 1000))
group_means = {"CTRL": noise[0], "PD": noise[1]}
# %% new_people
rng = np.random.default_rng(1)
new_people = {
    name: rng.normal(mean, 0.058, (4, 1000))  # from numbers in the book
    for name, mean in {"CTRL": 0.202, "PD": 0.184}.items()
}
