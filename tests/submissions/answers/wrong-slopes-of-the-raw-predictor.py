# screen itself beside its mean, predictions for people without deviations, and a third new person
# exercise: within-between
# points: slopes 0, adjusted 0, expected 0, differences 0, distorted 0, fixed 0
# feedback: slopes | The second of these is the contextual effect.
# feedback: adjusted | The second of these is the contextual effect.
# feedback: expected | Your two people have no deviations
# feedback: differences | Is that in your third difference?
# feedback: fixed | Free intercepts remove causes that are constant in a person.
# %% slopes
one = ml.Prior(pm.Exponential, 1)
priors = {"alpha_bar": ml.Prior(pm.Normal, 7, 1), "beta": ml.Prior(pm.Normal, 0, 1)}
priors |= {"sigma_id": one, "sigma": one}
raw = diary.assign(screen=diary["screen"] - 3)


def slopes_of(predictors):
    fit = ml.fit(ml.linear(raw, "sleep", predictors, ["id"], **priors), seed=SEED)
    return fit["posterior"].dataset


post = slopes_of(["screen", "between"])
two = [post["beta"].sel(predictor=name) for name in ("screen", "between")]
slopes = {"within": two[0], "between": two[1]}
# %% adjusted
post = slopes_of(["screen", "between", "deadline"])
two = [post["beta"].sel(predictor=name) for name in ("screen", "between")]
adjusted = {
    "within": two[0],
    "between": two[1],
    "deadline": post["beta"].sel(predictor="deadline"),
}
# %% expected
line = {
    person: post["alpha_bar"] + two[0] * (hours - 3) + two[1] * (usual[person] - 3)
    for person in (first, second)
}
expected = {"first": line[first], "second": line[second], "like the first": line[first]}
# %% differences
usual_evening = (two[0] + two[1]) * (usual[second] - usual[first])
differences = {
    "one person": two[0] * (hours - usual[first]),
    "two people": usual_evening,
    "same evening": usual_evening,
}
# %% distorted
distorted = "within" if "on some" in cause or "habit" in cause else "both"
# %% fixed
fixed = "a"
