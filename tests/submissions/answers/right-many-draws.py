# Many more draws and chains than the book has: small errors of one's own are held against nobody
# exercise: another-outcome
# points: population 2, people 3, shares 2
# %% population
import xarray as xr

fit = ml.fit(ml.partial_pooling(mine, "dan", "id"), seed=1, draws=2000, chains=6)
post = fit["posterior"].dataset
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% people
levels = post["alpha"].sel(id=five)
places = (levels - post["alpha_bar"]) / post["sigma_alpha"]
people = xr.concat([levels, places], "what").transpose("id", "what", "chain", "draw")
# %% shares
between, within = post["sigma_alpha"] ** 2, post["sigma"] ** 2
counts = {"icc": 1, "two measurements": 2, "four measurements": 4}
shares = {name: between / (between + within / n) for name, n in counts.items()}
