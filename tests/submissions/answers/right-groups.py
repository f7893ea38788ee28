# New people drawn in the model, which is written with other names and without labels
# exercise: groups
# points: effect 2, group_means 1, new_people 2, differences 3, pd_lower 2
# %% effect
i = mlm["id"].map({label: k for k, label in enumerate(persons.index)}).to_numpy()
pd_j = (persons["group"] == "PD").astype(float).to_numpy()
with pm.Model(coords={"row": mlm.index}) as model:
    g0 = pm.Normal("g0", 0, 1.5)
    g1 = pm.Normal("g1", 0, 0.5)
    sd_people = pm.Exponential("sd_people", 1)
    alpha = pm.Normal("alpha", g0 + g1 * pd_j, sd_people, shape=91)
    sigma = pm.Exponential("sigma", 1)
    pm.Normal("con", alpha[i], sigma, observed=mlm["con"].to_numpy(), dims="row")
    pm.Normal("new", pm.math.stack([g0, g0 + g1]), sd_people, shape=2)
post = ml.fit(model, seed=11)["posterior"].dataset
effect = {"gamma_1": post["g1"], "sigma_alpha": post["sd_people"]}
# %% group_means
group_means = {"CTRL": post["g0"], "PD": post["g0"] + post["g1"]}
# %% new_people
new_people = {"CTRL": post["new"][..., 0], "PD": post["new"][..., 1]}
# %% differences
mine = [post["alpha"][..., persons.index.get_loc(label)] for label in (patient, control)]
new = new_people["CTRL"]
differences = {
    "patient - control": mine[0] - mine[1],
    "patient - new": mine[0] - new,
    "control - new": mine[1] - new,
}
# %% pd_lower
pd_lower = (mine[0] < new).mean()
