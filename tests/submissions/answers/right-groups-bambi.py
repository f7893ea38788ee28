# In Bambi, where the intercept has to be that of controls
# exercise: groups
# points: effect 2, group_means 1, new_people 2, differences 3, pd_lower 2
# %% effect
import bambi as bmb

data = mlm.assign(pd=(mlm["group"] == "PD").astype(int))
priors = {
    "Intercept": bmb.Prior("Normal", mu=0, sigma=1.5),
    "pd": bmb.Prior("Normal", mu=0, sigma=0.5),
    "1|id": bmb.Prior("Normal", mu=0, sigma=bmb.Prior("Exponential", lam=1)),
    "sigma": bmb.Prior("Exponential", lam=1),
}
model = bmb.Model("con ~ 1 + pd + (1 | id)", data, priors=priors, center_predictors=False)
post = model.fit(tune=500, draws=3000, chains=2, random_seed=5, progressbar=False)["posterior"]
effect = {"gamma_1": post["pd"], "sigma_alpha": post["1|id_sigma"]}
# %% group_means
group_means = {"CTRL": post["Intercept"], "PD": post["Intercept"] + post["pd"]}
# %% new_people
rng = np.random.default_rng(11)
new_people = {k: rng.normal(m, post["1|id_sigma"]) for k, m in group_means.items()}
# %% differences
level = post["Intercept"] + post["1|id"]  # of controls
one = level.sel(id__factor_dim=str(patient)) + post["pd"]
other, new = level.sel(id__factor_dim=str(control)), new_people["CTRL"]
differences = {
    "patient - control": one - other,
    "patient - new": one - new,
    "control - new": other - new,
}
# %% pd_lower
pd_lower = np.mean(one.values < new)
