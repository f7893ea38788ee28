# The earlier page's outcome; and people by position instead of label
# exercise: another-outcome
# points: population 0, people 0, icc 0
# feedback: population | Which outcome is this? It looks like the one of the earlier page.
# feedback: people | chosen by their labels
# feedback: icc | This is the intraclass correlation of another outcome.
# %% population
post = ml.fit(ml.partial_pooling(mlm, "con", "id"), seed=SEED)["posterior"]
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% people
people = ml.fit(ml.partial_pooling(mlm, "dan", "id"), seed=SEED)["posterior"]["alpha"]
people = people.isel(id=five % 91)
# %% icc
icc = post["sigma_alpha"] ** 2 / (post["sigma_alpha"] ** 2 + post["sigma"] ** 2)
