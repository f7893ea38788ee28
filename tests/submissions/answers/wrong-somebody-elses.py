# A right notebook, of somebody else
# exercise: groups
# student: bob
# claims: ada
# points: effect 2, group_means 1, new_people 2, differences 0, pd_lower 0
# feedback: differences | This was worked out for the id 'ada', and you are 'bob'
# %% effect
person, labels = pd.factorize(mlm["id"], sort=True)
is_pd = (persons.loc[labels, "group"] == "PD").to_numpy(float)
con = mlm["con"].to_numpy()
with pm.Model(coords={"id": labels, "row": mlm.index}) as model:
    gamma_0 = pm.Normal("gamma_0", 0, 1.5)
    gamma_1 = pm.Normal("gamma_1", 0, 0.5)
    sigma_alpha = pm.Exponential("sigma_alpha", 1)
    centre = gamma_0 + gamma_1 * is_pd
    alpha = pm.Normal("alpha", centre, sigma_alpha, dims="id")
    sigma = pm.Exponential("sigma", 1)
    pm.Normal("con", alpha[person], sigma, observed=con, dims="row")
post = ml.fit(model, seed=SEED, draws=2000, file="fits/groups")["posterior"].dataset
effect = {name: post[name] for name in ["gamma_1", "sigma_alpha"]}
# %% group_means
group_means = {"CTRL": post["gamma_0"], "PD": post["gamma_0"] + post["gamma_1"]}
# %% new_people
noise = np.random.default_rng(3).standard_normal((2, *post["gamma_0"].shape))
pairs = zip(group_means.items(), noise, strict=True)
new_people = {name: mean + post["sigma_alpha"] * z for (name, mean), z in pairs}
# %% differences
one, other = (post["alpha"].sel(id=label) for label in (patient, control))
differences = {
    "patient - control": one - other,
    "patient - new": one - new_people["CTRL"],
    "control - new": other - new_people["CTRL"],
}
# %% pd_lower
pd_lower = float((one < new_people["CTRL"]).mean())
