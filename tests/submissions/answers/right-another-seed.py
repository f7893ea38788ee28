# Another seed, and plain arrays instead of DataArrays
# exercise: another-outcome
# points: population 2, people 3, icc 2
# %% population
model = ml.partial_pooling(mlm, outcome="dan", group="id")
post = ml.fit(model, seed=4711)["posterior"].dataset
population = {k: post[k].values for k in ("sigma", "alpha_bar", "sigma_alpha")}
# %% people
people = np.stack([post["alpha"].sel(id=person).values for person in five], axis=-1)
# %% icc
import numpy as np  # in the wrong place: the cell above has failed at first

people = np.stack([post["alpha"].sel(id=person).values for person in five], axis=-1)
var = population["sigma_alpha"] ** 2
icc = var / (var + population["sigma"] ** 2)
