# make run    set up on a fresh machine, then the main job: 8 emulated devices against one
# make test   set up, then the whole test suite
# make check  the linters
# make faults every fault on every rank in every phase
# make hosts  runs on several hosts in every way that they can end: network namespaces, which take root and iproute2
# make matrix thousands of command lines with odd numbers; own models, shared softmaxes, encoder-decoders, Transformers in every shape,
#             and backwards in halves in every order

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Where pip takes torch from, e.g. make run TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
# What else pytest is told, e.g. make test PYTEST_ARGS=tests/plan
PYTEST_ARGS ?=

.PHONY: run test faults hosts matrix check clean

run: $(VENV)/installed
	$(BIN)/pipebench run --gpus 8

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest $(PYTEST_ARGS)

faults: $(VENV)/installed-dev
	$(BIN)/python -m pytest tests/cli/test_faults*.py --all-faults

hosts: $(VENV)/installed-dev
	HOSTS=all $(BIN)/python -m pytest $(or $(PYTEST_ARGS),tests/hosts)

matrix: $(VENV)/installed-dev
	NUMBERS_TRIED=5000 OWN_MODELS=all SHARED_SOFTMAX=all SEQ2SEQ=all TRANSFORMER=all SPLIT=all \
	  $(BIN)/python -m pytest tests/cli/test_numbers.py tests/engine/test_own_models.py tests/engine/test_shared_softmax.py \
	  tests/engine/test_seq2seq*.py tests/engine/test_transformer.py tests/engine/test_split_gradients.py tests/engine/test_split_models.py

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "pipebench needs Python >= 3.11; name one with make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# TORCH_INDEX first, so that the plain install after it finds torch already there.
$(VENV)/torch: $(BIN)/python
	$(if $(TORCH_INDEX),$(BIN)/pip install --quiet --index-url $(TORCH_INDEX) 'torch>=2.11$(comma)<2.14',@true)
	@touch $@

comma := ,

# The bytecode is written here, as pip does for a package that is not editable: Python may be told not to
# (PYTHONDONTWRITEBYTECODE), and would then compile 60 modules at each start of the command.
$(VENV)/installed: $(VENV)/torch pyproject.toml
	$(BIN)/pip install --quiet --editable .
	@$(BIN)/python -m compileall -q pipebench
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed pyproject.toml
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV)
