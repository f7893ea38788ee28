# Per cents of the data instead of probabilities of the model, and numbers up to a response
# exercise: moral-predictions
# points: known 0, average 0, new 0, sevens 0
# feedback: known | add up to between 100.00 and 100.00
# feedback: average | add up to between
# feedback: new | must be an array of draws
# feedback: sevens | 'average of the participants'
# %% known
counts = trolley.groupby([*predictors, "response"], observed=True).size().unstack()
share = counts.div(counts.sum(axis=1), axis=0).loc[list(cases.itertuples(index=False))]
known = np.broadcast_to(100 * np.repeat(share.to_numpy(), 3, axis=0), (4, 1000, 18, 7))
# %% average
average = np.broadcast_to(share.cumsum(axis=1).to_numpy(), (4, 1000, 6, 7))
# %% new
new = share
# %% sevens
sevens = {"average participant": share[7].mean()}
