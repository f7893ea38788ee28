# Many more draws and chains than the book has: small errors of one's own are held against nobody
# exercise: another-outcome
# points: population 2, people 3, icc 2
# %% population
fit = ml.fit(ml.partial_pooling(mlm, "dan", "id"), seed=1, draws=3000, chains=8)
post = fit["posterior"]
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% people
people = post["alpha"].sel(id=five).transpose("id", "chain", "draw")
# %% icc
icc = post["sigma_alpha"] ** 2 / (post["sigma_alpha"] ** 2 + post["sigma"] ** 2)
