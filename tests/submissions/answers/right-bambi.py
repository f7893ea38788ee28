# The model in Bambi: deviations instead of levels, labels that are text, PyMC's own NUTS
# exercise: another-outcome
# points: population 2, people 3, shares 2
# %% population
import bambi as bmb

unit = bmb.Prior("Exponential", lam=1)
priors = {
    "Intercept": bmb.Prior("Normal", mu=0, sigma=1.5),
    "1|id": bmb.Prior("Normal", mu=0, sigma=unit),
    "sigma": unit,
}
model = bmb.Model("dan ~ 1 + (1 | id)", mine, priors=priors, center_predictors=False)
idata = model.fit(tune=500, draws=2500, chains=2, random_seed=12, progressbar=False)
post = idata["posterior"]
population = {
    "alpha_bar": post["Intercept"],
    "sigma_alpha": post["1|id_sigma"],
    "sigma": post["sigma"],
}
# %% people
deviations = post["1|id"].sel(id__factor_dim=[str(i) for i in five])
people = np.stack(
    [post["Intercept"] + deviations, deviations / post["1|id_sigma"]], axis=-1
)
# %% shares
ratio = (post["sigma"] / post["1|id_sigma"]) ** 2
shares = {
    "icc": 1 / (1 + ratio),
    "two measurements": 1 / (1 + ratio / 2),
    "four measurements": 1 / (1 + ratio / 4),
}
