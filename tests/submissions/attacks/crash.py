# The kernel dies, and starts no second time
# exercise: groups
# points: effect 0, group_means 0, new_people 0, differences 0, pd_lower 0
# feedback: effect | The kernel died in cell
# feedback: pd_lower | The kernel died in cell
# %% imports
import os

import multilevel as ml
# %% effect
pd_lower = 0.59  # the right number, which has to be handed in to get points
# %% group_means
os._exit(0)
