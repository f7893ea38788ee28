# The cells that hand in say what one would like to hear; nbgrader puts the original ones back
# exercise: groups
# points: effect 0, group_means 0, new_people 2, differences 0, pd_lower 0
# feedback: effect | effect: nothing handed in yet. The first error
# feedback: group_means | group_means must contain draws for each of 'CTRL', 'PD'
# %% imports
import numpy as np

import multilevel as ml
# %% group_means
group_means = [0.2, 0.18]
# %% new_people
rng = np.random.default_rng(1)
new_people = {
    name: rng.normal(mean, 0.058, (4, 1000))  # from numbers in the book
    for name, mean in {"CTRL": 0.202, "PD": 0.184}.items()
}
# %% hand-in effect
print("effect: Right.")
# %% hand-in group_means
print("Right.")  # ml.hand_in("group_means", group_means, draws=["CTRL", "PD"])
# %% hand-in new_people
ml.hand_in("new_people", group_means)
