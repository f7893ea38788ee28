# The average participant, taken for the average of the participants and for a new one
# exercise: moral-predictions
# points: known 3, average 0, new 0, sevens 0
# feedback: average | This is the average of the participants' probabilities.
# feedback: new | These are average participants, without the spread between people
# feedback: sevens | Is the average participant computed on the scale of log-odds?
# %% known
model = ml.ordered_logit(trolley, "response", predictors, group="id")
settings = {"seed": 2024, "chains": 3, "tune": 500, "target_accept": 0.8}
fit = ml.fit(model, **settings, file="fits/varying")
known = ml.predict(fit, rows_three, "same")
# %% average
ids = trolley[["id"]].drop_duplicates()
means = [
    ml.predict(fit, cases.iloc[[k]].merge(ids, how="cross"), "same").mean("row")
    for k in range(6)
]
average = np.stack(means, axis=2)
# %% new
new = ml.predict(fit, rows_new, "average")
# %% sevens
case = cases.query("action == 0 and intention == 1 and contact == 0")
people = case.merge(pd.DataFrame({"id": hundred}), how="cross")
seven = ml.predict(fit, people, "same").sel(category=7).mean("row")
sevens = {"average participant": seven, "average of the participants": seven}
