# Log-odds where probabilities are asked for
# exercise: moral-predictions
# points: known 3, average 0, new 0, sevens 0
# feedback: average | must have the shape (chain, draw, 6, 7)
# feedback: new | must contain probabilities that add up to one
# feedback: sevens | The posterior means differ by more than chance.
# %% known
model = ml.ordered_logit(trolley, "response", predictors, group="id")
settings = {"seed": 2024, "chains": 3, "tune": 500, "target_accept": 0.8}
fit = ml.fit(model, **settings, file="fits/varying")
known = ml.predict(fit, rows_three, "same")
# %% average
post, columns = fit["posterior"].dataset, cases[predictors].to_numpy(float)
eta = post["beta"].values @ columns.T
average = post["threshold"].values[:, :, None, :] - eta[..., None]
# %% new
probability = ml.predict(fit, rows_new, "new", seed=SEED)
new = np.log(probability / (1 - probability))
# %% sevens
eta = post["beta"].sel(predictor="intention", drop=True)
log_odds = eta - post["threshold"].isel(cut=-1, drop=True)
sevens = {
    "average participant": log_odds,
    "average of the participants": log_odds + post["alpha_id"].mean("id"),
}
