# A loop without end: what was there before it counts
# exercise: groups
# seconds: 25
# memory: 1.5
# points: effect 0, group_means 0, new_people 0, pd_lower 2
# feedback: effect | was not through after 25 seconds
# feedback: group_means | was not through after 25 seconds
# %% imports
import time

import multilevel as ml
# %% effect
pd_lower = 0.59  # Phi(0.018 / (0.056 * sqrt(2))), from numbers in the book
# %% group_means
while "PD" not in (group_means := {}):
    time.sleep(0.1)
