
# Two environments, of base and of head.
requirements=%%{required}
environment() {
  python3 -m venv "$place/$1"
  (cd "$2" && "$place/$1/bin/pip" install --quiet --no-input --disable-pip-version-check ${requirements:+-r} "${requirements:-.}")
}
GIT_INDEX_FILE=$place/index git read-tree "$BASE"  # all that base has, export-ignore or not
GIT_INDEX_FILE=$place/index git checkout-index --all --prefix="$place/tree/"
if [ -n "$requirements" ] && [ ! -f "$place/tree/$requirements" ]; then
  echo "::warning title=pipebench::base has no $requirements yet: head is held against itself"
  mkdir -p "$place/tree/$(dirname "$requirements")"
  cp "$requirements" "$place/tree/$requirements"
fi
environment base "$place/tree"
environment head .
