# Written by hand, with effects in units of their standard deviation
# exercise: another-outcome
# points: population 2, people 3, shares 2
# %% population
import pymc as pm

index, labels = pd.factorize(mine["id"])
with pm.Model(coords={"person": labels}):
    mu = pm.Normal("mu", 0, 1.5)
    tau = pm.Exponential("tau", 1)
    sd = pm.Exponential("sd", 1)
    z = pm.Normal("z", dims="person")
    level = pm.Deterministic("level", mu + tau * z, dims="person")
    pm.Deterministic("share", tau**2 / (tau**2 + sd**2))
    pm.Normal("y", level[index], sd, observed=mine["dan"].to_numpy())
    idata = pm.sample(
        draws=2000, chains=4, nuts_sampler="nutpie", random_seed=99, progressbar=False
    )
draws = idata["posterior"]
population = {"alpha_bar": draws["mu"], "sigma_alpha": draws["tau"], "sigma": draws["sd"]}
# %% people
people = np.stack([draws["level"].sel(person=five), draws["z"].sel(person=five)], axis=-1)
# %% shares
odds = draws["share"] / (1 - draws["share"])
shares = {
    "icc": draws["share"],
    "two measurements": 2 * odds / (1 + 2 * odds),
    "four measurements": 4 * odds / (1 + 4 * odds),
}
