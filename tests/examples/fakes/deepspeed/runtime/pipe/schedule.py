class Instruction:
    def __init__(self, **kwargs):
        self.kwargs = kwargs


class ForwardPass(Instruction): ...


class BackwardPass(Instruction): ...


class SendActivation(Instruction): ...


class RecvActivation(Instruction): ...


class SendGrad(Instruction): ...


class RecvGrad(Instruction): ...


class ReduceTiedGrads(Instruction): ...


class ReduceGrads(Instruction): ...


class OptimizerStep(Instruction): ...
