
# Two environments, of what base requires and of what head requires, measured in turn on the same devices.
requirements=%%{requirements}
environment() {
  python3 -m venv "$place/$1"
  (cd "$2" && "$place/$1/bin/pip" install --quiet --no-input --disable-pip-version-check -r "$requirements")
}
mkdir "$place/tree"
git archive "$BASE" | tar -x -C "$place/tree"
if [ ! -f "$place/tree/$requirements" ]; then
  echo "base has no $requirements yet: head is held against itself"
  cp "$requirements" "$place/tree/$requirements"
fi
environment base "$place/tree"
environment head .
"$place/head/bin/pipebench" ab --a-python "$place/base/bin/python" --b-python "$place/head/bin/python" \
  "${limits[@]}" "${report[@]}" -- "${options[@]}"
