# A right notebook, of somebody else
# exercise: another-outcome
# claims: right-model-solution
# points: population 2, people 0, icc 2
# feedback: people | This was worked out for the id 'right-model-solution', and you are
# %% population
fit = ml.fit(ml.partial_pooling(mlm, "dan", "id"), seed=SEED)
post = fit["posterior"].dataset
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% people
people = post["alpha"].sel(id=five)
# %% icc
icc = post["sigma_alpha"] ** 2 / (post["sigma_alpha"] ** 2 + post["sigma"] ** 2)
