# Draws made up from means and standard deviations, as a table shows them: each is right by itself
# exercise: groups
# points: effect 0, group_means 0, new_people 0, differences 0, pd_lower 2
# feedback: differences | Each quantity is right by itself
# %% differences
i, labels = pd.factorize(mlm["id"], sort=True)
is_pd = (persons["group"] == "PD").to_numpy(float)
with pm.Model(coords={"row": mlm.index, "id": labels}) as model:
    gamma_0 = pm.Normal("gamma_0", 0, 1.5)
    gamma_1 = pm.Normal("gamma_1", 0, 0.5)
    sigma_alpha = pm.Exponential("sigma_alpha", 1)
    alpha = pm.Normal("alpha", gamma_0 + gamma_1 * is_pd, sigma_alpha, dims="id")
    sigma = pm.Exponential("sigma", 1)
    pm.Normal("con", alpha[i], sigma, observed=mlm["con"].to_numpy(), dims="row")
    pm.Normal("new", gamma_0, sigma_alpha)
post = ml.fit(model, seed=5)["posterior"].dataset
one, other = (post["alpha"].sel(id=label) for label in (patient, control))
friends = {
    "patient - control": one - other,
    "patient - new": one - post["new"],
    "control - new": other - post["new"],
}
rng = np.random.default_rng(SEED)
differences = {
    name: rng.normal(draws.mean(), draws.std(), (4, 1000)) for name, draws in friends.items()
}
# %% pd_lower
pd_lower = float((one < post["new"]).mean())
