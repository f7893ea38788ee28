# A right notebook, of somebody else
# exercise: another-outcome
# student: bob
# claims: ada
# points: population 2, people 0, icc 2
# feedback: people | This was worked out for the id 'ada', and you are 'bob'
# %% population
fit = ml.fit(ml.partial_pooling(mlm, "dan", "id"), seed=SEED, file="fits/dan")
post = fit["posterior"].dataset
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% people
people = post["alpha"].sel(id=five)
# %% icc
icc = post["sigma_alpha"] ** 2 / (post["sigma_alpha"] ** 2 + post["sigma"] ** 2)
