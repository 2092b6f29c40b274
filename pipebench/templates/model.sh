
# Two states of this repository, measured in turn on the same devices: each side loads the model of its own checkout.
# What both need is installed once, as head requires it: pipebench, torch, and what else the model imports. Nothing of
# this repository may be installed, above all not by "-e .": both sides would run that same code, and ab ends with 7.
# The model's file puts the repository's own folders on sys.path, relative to __file__.
requirements=%%{required} model=%%{model_file}
python3 -m venv "$place/head"
"$place/head/bin/pip" install --quiet --no-input --disable-pip-version-check -r "$requirements"
if ! git cat-file -e "$BASE:$model" 2>/dev/null && git cat-file -e "HEAD:$model"; then
  echo "${GITHUB_ACTIONS:+::warning title=pipebench::}base has no $model yet: head is held against itself"
  BASE=HEAD
fi
"$place/head/bin/pipebench" ab --a "$BASE" --b HEAD "${limits[@]}" "${report[@]}" -- "${options[@]}"
