# Written by hand, with effects in units of their standard deviation
# exercise: another-outcome
# points: population 2, people 3, icc 2
# %% population
import pymc as pm

index, labels = pd.factorize(mlm["id"])
with pm.Model(coords={"person": labels}):
    mu = pm.Normal("mu", 0, 1.5)
    tau = pm.Exponential("tau", 1)
    sd = pm.Exponential("sd", 1)
    z = pm.Normal("z", dims="person")
    level = pm.Deterministic("level", mu + tau * z, dims="person")
    pm.Deterministic("share", tau**2 / (tau**2 + sd**2))
    pm.Normal("y", level[index], sd, observed=mlm["dan"].to_numpy())
    idata = pm.sample(
        draws=2000, chains=4, nuts_sampler="nutpie", random_seed=99, progressbar=False
    )
draws = idata["posterior"]
population = {"alpha_bar": draws["mu"], "sigma_alpha": draws["tau"], "sigma": draws["sd"]}
# %% people
people = draws["level"].sel(person=five)
# %% icc
icc = draws["share"]
