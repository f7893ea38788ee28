# One's own predictions, each row in a random order of the draws; the average over all participants
# exercise: moral-predictions
# points: known 0, average 0, new 0, sevens 0
# feedback: known | together they do not vary as they should
# feedback: average | together they do not vary as they should
# feedback: new | Every row has a new person of its own
# feedback: sevens | This is the average over all participants.
# %% known
model = ml.ordered_logit(trolley, "response", predictors, group="id")
settings = {"seed": 2024, "chains": 3, "tune": 500, "target_accept": 0.8}
fit = ml.fit(model, **settings, file="fits/varying")


def shuffled(predictions):
    draws = predictions.values.reshape(3000, -1, 7)
    rows = [rng.permutation(row) for row in draws.transpose(1, 0, 2)]
    return np.stack(rows, axis=1).reshape(predictions.shape)


known = shuffled(ml.predict(fit, rows_three, "same"))
# %% average
average = shuffled(ml.predict(fit, cases, "average"))
# %% new
new = shuffled(ml.predict(fit, rows_new, "new", seed=1))
# %% sevens
case = pd.DataFrame({"action": [0], "intention": [1], "contact": [0]})
everybody = case.merge(trolley[["id"]].drop_duplicates(), how="cross")
sevens = {
    "average participant": ml.predict(fit, case, "average").sel(category=7).mean("row"),
    "average of the participants": ml.predict(fit, everybody, "same")
    .sel(category=7)
    .mean("row"),
}
