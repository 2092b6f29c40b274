"""Linear layers of any model, the gradients of whose weights wait.

    backward of a slice   autograd, as always; but a linear layer gives its input's gradient alone, and keeps (x, g)
    W of some slices      one product a layer over the rows of them all: g^T x, and the sum of g for a bias

Whatever else a model has (embeddings, norms, LSTMs, weights that layers share) gets its gradients in the backward, as
autograd does it. See benchmarks/split-linear for the cost.
"""
