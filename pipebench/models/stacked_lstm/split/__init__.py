"""An LSTM layer whose backward is split: the gradients of input and state now, those of the parameters later.

    forward          F   products and gates, time step by time step
    backward_input   I   the same steps backwards: gradients of the input and of the state before
    backward_weight  W   one product over all that waits, whenever nothing else is urgent

I is what the stage below waits for. W can fill a pipeline's idle times. Both together cost what ``nn.LSTM``'s backward
costs, and give its gradients.

autograd could give I and W as well, in two passes over the graph of the fused layer: one asks for the input's
gradient, one for the parameters'. But the fused backward is one operation that computes all gradients, whichever are
asked for, so two passes cost two backwards. See benchmarks/split-lstm. Hence this package keeps no graph: it saves
what the backward needs in buffers of its own.
"""
