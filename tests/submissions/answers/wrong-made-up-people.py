# Numbers read off the page; probabilities shuffled, as if each were made up by itself
# exercise: moral-judgement
# points: simple_slopes 0, varying_effects 0, elpd_difference 1, realistic 1, people 0
# feedback: people | Each quantity is right by itself
# %% elpd_difference
elpd_difference = 2875
# %% realistic
realistic = "varying"
# %% people
settings = {"seed": 2024, "chains": 3, "tune": 500, "target_accept": 0.8}
model = ml.ordered_logit(trolley, "response", predictors, group="id")
fit = ml.fit(model, **settings, file="fits/varying")
friends = ml.predict(fit, mine, "same").sel(category=slice(5, 7)).sum("category").values
rng = np.random.default_rng(SEED)
people = rng.permuted(friends.reshape(3000, 6), axis=0).reshape(3, 1000, 6)
