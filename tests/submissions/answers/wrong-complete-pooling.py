# A group difference among rows, as if each were another person; a new measurement, not a person
# exercise: groups
# points: effect 0, group_means 0, new_people 0, differences 0, pd_lower 0
# feedback: effect | It seems to count rows, not people.
# %% effect
with pm.Model(coords={"row": mlm.index}) as model:
    gamma_0 = pm.Normal("gamma_0", 0, 1.5)
    gamma_1 = pm.Normal("gamma_1", 0, 0.5)
    sigma = pm.Exponential("sigma", 1)
    mu = gamma_0 + gamma_1 * (mlm["group"] == "PD").to_numpy(float)
    pm.Normal("con", mu, sigma, observed=mlm["con"].to_numpy(), dims="row")
post = ml.fit(model, seed=3)["posterior"].dataset
effect = {"gamma_1": post["gamma_1"], "sigma_alpha": post["sigma"]}
# %% group_means
group_means = {"CTRL": post["gamma_0"], "PD": post["gamma_0"] + post["gamma_1"]}
# %% new_people
new_people = group_means
# %% pd_lower
pd_lower = (post["gamma_1"] < 0).mean()
