"""What the recorder meets in Megatron-core 0.16.1: the same names, arguments and results, and who calls whom."""

import peer


def forward_step(
    forward_step_func,
    data_iterator,
    model,
    num_microbatches,
    input_tensor,
    forward_data_store,
    config,
    cp_group_size,
    collect_non_loss_data=False,
    checkpoint_activations_microbatch=None,
    is_first_microbatch=False,
    current_microbatch=None,
    vp_stage=None,
    is_last_stage=True,
):
    peer.compute("F")
    return [object()], 0


def backward_step(input_tensor, output_tensor, output_tensor_grad, model_type, config):
    peer.compute("B")
    return [object()]


def forward_backward_pipelining_without_interleaving(*, num_microbatches, forward_only=False):
    _run(1, num_microbatches, forward_only, chunk_of=lambda _: None)


def forward_backward_pipelining_with_interleaving(*, num_microbatches, forward_only=False):
    _run(2, num_microbatches, forward_only, chunk_of=lambda chunk: chunk)


def _run(chunks, microbatches, forward_only, chunk_of):
    outputs = {}
    last = 2 * chunks - 1
    for chunk, microbatch in [
        (chunk, microbatch) for chunk in range(chunks) for microbatch in range(microbatches)
    ]:
        stage = 2 * chunk + peer.RANK
        if stage > 0:
            peer.receive(f"F{stage - 1} {microbatch}")
        outputs[chunk, microbatch], _ = forward_step(
            None,
            None,
            None,
            microbatches,
            None,
            [],
            None,
            cp_group_size=1,
            current_microbatch=microbatch,
            vp_stage=chunk_of(chunk),
        )
        if stage < last:
            peer.send(f"F{stage} {microbatch}")
    for chunk, microbatch in [] if forward_only else sorted(outputs, key=lambda each: (-each[0], each[1])):
        stage = 2 * chunk + peer.RANK
        if stage < last:
            peer.receive(f"B{stage + 1} {microbatch}")
        backward_step(None, outputs.pop((chunk, microbatch)), None, None, None)
        if stage > 0:
            peer.send(f"B{stage} {microbatch}")
