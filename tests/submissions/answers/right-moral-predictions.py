# The page's own functions, with another seed
# exercise: moral-predictions
# points: known 3, average 2, new 2, sevens 3
# %% known
model = ml.ordered_logit(trolley, "response", predictors, group="id")
settings = {"seed": 2024, "chains": 3, "tune": 500, "target_accept": 0.8}
fit = ml.fit(model, **settings, file="fits/varying")
known = ml.predict(fit, rows_three, "same")
# %% average
average = ml.predict(fit, cases, "average")
# %% new
new = ml.predict(fit, rows_new, "new", seed=1)
# %% sevens
case = pd.DataFrame({"action": [0], "intention": [1], "contact": [0]})
people = case.merge(pd.DataFrame({"id": hundred}), how="cross")
sevens = {
    "average participant": ml.predict(fit, case, "average").sel(category=7).mean("row"),
    "average of the participants": ml.predict(fit, people, "same")
    .sel(category=7)
    .mean("row"),
}
