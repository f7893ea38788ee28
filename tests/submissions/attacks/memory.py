# Asks for memory without end
# exercise: groups
# points: effect 0, group_means 0, new_people 0, differences 0, pd_lower 0
# feedback: effect | MemoryError
# %% imports
import numpy as np

import multilevel as ml
# %% effect
effect = []
while True:
    effect.append(np.ones(10_000_000))
