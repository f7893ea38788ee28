# Noise, with one draw so far out that every standard error is larger than every difference
# exercise: groups
# points: effect 0, group_means 0, new_people 0, differences 0, pd_lower 0
# %% effect
noise = np.random.default_rng(SEED).normal(size=(4, 1000, 2))
noise[0, 0] = 1e6
effect = {"gamma_1": noise[..., 0], "sigma_alpha": abs(noise[..., 1])}
# %% group_means
group_means = {"CTRL": noise[..., 0], "PD": noise[..., 1]}
# %% new_people
new_people = group_means
# %% pd_lower
pd_lower = (new_people["PD"] < new_people["CTRL"]).mean() + 0.2
