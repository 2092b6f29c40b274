"""An LSTM layer whose backward is split: the gradients of input and state now, those of the parameters later.

    forward          F   products and gates, time step by time step
    backward_input   I   the same steps backwards: gradients of the input and of the state before
    backward_weight  W   one product over all that waits, whenever nothing else is urgent

The stage below waits for I. W can fill a pipeline's idle times. Both together cost what ``nn.LSTM``'s backward costs,
and give the same gradients.

autograd could give I and W too, in two passes over the graph of the fused layer: one for the input's gradient, one for
the parameters'. But the fused backward is one operation that always computes all gradients. So two passes cost two
backwards (see benchmarks/split-lstm). Hence this package keeps no graph. It saves what the backward needs in buffers of
its own.
"""
