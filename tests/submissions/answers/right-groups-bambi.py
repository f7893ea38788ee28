# In Bambi, where the intercept has to be that of controls
# exercise: groups
# points: effect 3, group_means 2, new_people 3, pd_lower 2
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
post = model.fit(tune=500, draws=2000, chains=2, random_seed=5, progressbar=False)["posterior"]
effect = {"gamma_1": post["pd"], "sigma_alpha": post["1|id_sigma"]}
# %% group_means
group_means = {"CTRL": post["Intercept"], "PD": post["Intercept"] + post["pd"]}
# %% new_people
rng = np.random.default_rng(11)
new_people = {k: rng.normal(m, post["1|id_sigma"]) for k, m in group_means.items()}
# %% pd_lower
pd_lower = np.mean(new_people["PD"] < new_people["CTRL"])
