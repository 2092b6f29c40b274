
# Two versions of pipebench itself in one environment, measured in turn on the same devices.
python3 -m venv "$place/head"
"$place/head/bin/pip" install --quiet --no-input --disable-pip-version-check .
"$place/head/bin/pipebench" ab --a "$BASE" --b HEAD "${limits[@]}" "${report[@]}" -- "${options[@]}"
