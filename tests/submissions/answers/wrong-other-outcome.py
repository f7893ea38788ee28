# The earlier page's outcome; and people by position instead of label
# exercise: another-outcome
# points: population 0, people 0, icc 0
# feedback: population | Which outcome is this? It looks like the one of the earlier page.
# feedback: people | chosen by their labels
# feedback: icc | This is the intraclass correlation of another outcome.
# %% population
model = ml.partial_pooling(mlm, "con", "id")
post = ml.fit(model, seed=9, file="fits/partial-pooling")["posterior"]
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% people
fit = ml.fit(ml.partial_pooling(mlm, "dan", "id"), seed=SEED, file="fits/dan")
people = fit["posterior"]["alpha"].isel(id=five % 91)
# %% icc
icc = post["sigma_alpha"] ** 2 / (post["sigma_alpha"] ** 2 + post["sigma"] ** 2)
