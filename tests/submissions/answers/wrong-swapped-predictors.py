# Computed by hand, with the columns of the cases in another order than the slopes
# exercise: moral-predictions
# points: known 0, average 0, new 0, sevens 0
# feedback: known | Does each row get the deviation of its own participant?
# feedback: average | Are the columns of the predictors in the same order
# feedback: new | The posterior means differ by more than chance.
# feedback: sevens | Which case is asked for?
# %% known
from scipy.special import expit

model = ml.ordered_logit(trolley, "response", predictors, group="id")
settings = {"seed": 2024, "chains": 3, "tune": 500, "target_accept": 0.8}
post = ml.fit(model, **settings, file="fits/varying")["posterior"].dataset


def probabilities(rows, deviation=0):
    columns = rows[["action", "contact", "intention"]].to_numpy(float)
    eta = post["beta"].values @ columns.T + deviation
    at_most = expit(post["threshold"].values[:, :, None, :] - eta[..., None])
    return np.diff(at_most, axis=-1, prepend=0, append=1)


known = probabilities(rows_three, post["alpha_id"].sel(id=list(rows_three["id"])).values)
# %% average
average = probabilities(cases)
# %% new
z = np.random.default_rng(SEED).normal(size=(3, 1000, 2))
which = (rows_new["id"] == "new 2").to_numpy(int)
new = probabilities(rows_new, (post["sigma_id"].values[..., None] * z)[..., which])
# %% sevens
intention = pd.DataFrame({"action": [0], "intention": [1], "contact": [0]})
sevens = {
    "average participant": probabilities(intention)[:, :, 0, 6],
    "average of the participants": probabilities(
        intention, post["alpha_id"].sel(id=hundred).values
    )[..., 6].mean(axis=2),
}
