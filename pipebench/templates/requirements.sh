
# Two environments, of what base requires and of what head requires, measured in turn on the same devices.
requirements=%%{requirements}
environment() {
  python3 -m venv "$place/$1"
  (cd "$2" && "$place/$1/bin/pip" install --quiet --no-input --disable-pip-version-check -r "$requirements")
}
GIT_INDEX_FILE=$place/index git read-tree "$BASE"  # all that base has, export-ignore or not
GIT_INDEX_FILE=$place/index git checkout-index --all --prefix="$place/tree/"
if [ ! -f "$place/tree/$requirements" ]; then
  echo "::warning title=pipebench::base has no $requirements yet: head is held against itself"
  mkdir -p "$place/tree/$(dirname "$requirements")"
  cp "$requirements" "$place/tree/$requirements"
fi
environment base "$place/tree"
environment head .
"$place/head/bin/pipebench" ab --a-python "$place/base/bin/python" --b-python "$place/head/bin/python" \
  "${limits[@]}" "${report[@]}" -- "${options[@]}"
