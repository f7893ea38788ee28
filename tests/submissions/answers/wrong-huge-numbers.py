# Numbers whose squares are beyond what a computer can hold
# exercise: groups
# points: effect 0, group_means 0, new_people 0, differences 0, pd_lower 0
# %% effect
huge = 1e200 * np.random.default_rng(SEED).normal(size=(4, 1000, 2))
effect = {"gamma_1": huge[..., 0], "sigma_alpha": abs(huge[..., 1])}
# %% group_means
group_means = {"CTRL": huge[..., 0], "PD": huge[..., 1]}
# %% new_people
new_people = {"CTRL": 1e100 * huge[..., 0], "PD": 1e100 * huge[..., 1]}
# %% pd_lower
pd_lower = 1e300
