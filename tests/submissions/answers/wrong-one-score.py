# Whole people left out for every use; measurements of a new person taken as independent
# exercise: new-people
# points: densities 0, next_ones 0, follow_up 0, course 0, colleague 0
# feedback: densities | they are not independent
# feedback: next_ones | These are measurements of two new people.
# feedback: follow_up | This is the score for the course.
# feedback: course | as if it were the only one
# feedback: colleague | What does the model know about a person of the screening
# %% densities
both = {
    "people": ml.fit(ml.partial_pooling(mlm, "dan", "id"), seed=3, draws=2000),
    "crowd": ml.fit(ml.linear(mlm, "dan"), seed=3, draws=2000),
}
post = both["people"]["posterior"].dataset
mean, between, within = (post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"])
level, y = post["alpha"].sel(id=mine[0], drop=True), mlm.loc[mlm["id"] == mine[0], "dan"]
new_sd = (between**2 + within**2) ** 0.5
as_new = sum(norm.logpdf(value, mean, new_sd) for value in y)
as_known = sum(norm.logpdf(value, level, within) for value in y)
densities = {"known": as_known, "one by one": as_new, "together": as_new}
# %% next_ones
rng = np.random.default_rng(3)
next_ones = {
    "known": rng.normal(level, within),
    "new, first": rng.normal(mean, new_sd),
    "new, second": rng.normal(mean, new_sd),
}


# %% follow_up
def lead(joint):
    tables = {
        name: ml.loo(fit, leave_out="id", data=mlm, joint=joint)["elpd"]
        for name, fit in both.items()
    }
    difference = tables["people"] - tables["crowd"]
    rows = mine if joint else mlm.index[mlm["id"].isin(mine)]
    return float(difference.loc[rows].sum())


follow_up = lead(joint=True)
# %% course
course = lead(joint=False)
# %% colleague
colleague = "a"
