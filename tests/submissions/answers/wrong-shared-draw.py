# One deviation in every draw, shared by both new people; and two new controls instead of one
# exercise: groups
# points: effect 2, group_means 1, new_people 0, differences 0, pd_lower 0
# feedback: new_people | The two new people share their deviation: draw one for each of them.
# feedback: differences | Is the new control the same person in both differences?
# feedback: pd_lower | Is this the comparison with the mean of the controls?
# %% effect
i, labels = pd.factorize(mlm["id"], sort=True)
is_pd = (persons["group"] == "PD").to_numpy(float)
with pm.Model(coords={"row": mlm.index}) as model:
    gamma_0 = pm.Normal("gamma_0", 0, 1.5)
    gamma_1 = pm.Normal("gamma_1", 0, 0.5)
    sigma_alpha = pm.Exponential("sigma_alpha", 1)
    alpha = pm.Normal("alpha", gamma_0 + gamma_1 * is_pd, sigma_alpha, shape=91)
    sigma = pm.Exponential("sigma", 1)
    pm.Normal("con", alpha[i], sigma, observed=mlm["con"].to_numpy(), dims="row")
post = ml.fit(model, seed=SEED)["posterior"].dataset
effect = {name: post[name] for name in ["gamma_1", "sigma_alpha"]}
# %% group_means
group_means = {"CTRL": post["gamma_0"], "PD": post["gamma_0"] + post["gamma_1"]}
# %% new_people
deviation = np.random.default_rng(1).normal(0, post["sigma_alpha"])
new_people = {group: mean + deviation for group, mean in group_means.items()}
# %% differences
place = list(persons.index)
one, other = (post["alpha"][..., place.index(label)] for label in (patient, control))
another = np.random.default_rng(2).normal(group_means["CTRL"], post["sigma_alpha"])
differences = {
    "patient - control": one - other,
    "patient - new": one - new_people["CTRL"],
    "control - new": other - another,
}
# %% pd_lower
pd_lower = float((one < group_means["CTRL"]).mean())
