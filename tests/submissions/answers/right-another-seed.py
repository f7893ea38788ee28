# Another seed, and plain arrays instead of DataArrays
# exercise: another-outcome
# points: population 2, people 3, shares 2
# %% population
model = ml.partial_pooling(mine, outcome="dan", group="id")
post = ml.fit(model, seed=4711)["posterior"].dataset
population = {k: post[k].values for k in ("sigma", "alpha_bar", "sigma_alpha")}
# %% people
people = numpy.stack([post["alpha"].sel(id=person).values for person in five], axis=-1)
# %% shares
# In the wrong place: the cell above has failed
level = np.stack([post["alpha"].sel(id=person).values for person in five], axis=-1)
place = (level - population["alpha_bar"][..., None]) / population["sigma_alpha"][..., None]
people = np.stack([level, place], axis=-1)
var = population["sigma_alpha"] ** 2
shares = {
    "icc": var / (var + population["sigma"] ** 2),
    "two measurements": 2 * var / (2 * var + population["sigma"] ** 2),
    "four measurements": 4 * var / (4 * var + population["sigma"] ** 2),
}
