"""Puts off the gradients of linear layers' weights, in any model.

    backward of a slice   autograd, as always; but a linear layer gives its input's gradient alone, and keeps (x, g)
    W of some slices      one product for each layer, over the rows of all slices: g^T x, and the sum of g for a bias

Whatever else a model has (embeddings, norms, LSTMs, weights that layers share) gets its gradients in the backward, as
autograd does it. See benchmarks/split-linear for the cost.
"""
