# A new person drawn once, and not once in every draw; groups exchanged
# exercise: groups
# points: effect 0, group_means 0, new_people 0, differences 0, pd_lower 0
# feedback: effect | The sign is turned: which group is coded 1?
# feedback: group_means | Are the two groups exchanged?
# feedback: new_people | anew in every draw
# feedback: pd_lower | These are two new people.
# %% effect
i, labels = pd.factorize(mlm["id"], sort=True)
is_pd = (persons["group"] == "CTRL").to_numpy(float)
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
z = np.random.default_rng(1).normal(size=2)
new_people = {
    "CTRL": group_means["PD"] + post["sigma_alpha"] * z[0],
    "PD": group_means["CTRL"] + post["sigma_alpha"] * z[1],
}
# %% pd_lower
rng = np.random.default_rng(2)
patients, controls = (rng.normal(group_means[group], 0.056) for group in ("CTRL", "PD"))
pd_lower = np.mean(patients < controls)
