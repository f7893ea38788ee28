# The kernel dies, and starts no second time
# exercise: groups
# points: effect 0, group_means 0, new_people 0, pd_lower 0
# feedback: effect | The kernel died in cell
# feedback: pd_lower | The kernel died in cell
# %% effect
rng = np.random.default_rng(SEED)
effect = {"gamma_1": rng.normal(size=(4, 1000)), "sigma_alpha": rng.normal(size=(4, 1000))}
# %% group_means
import os

os._exit(0)
