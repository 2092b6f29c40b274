
# Of what base requires and of what head requires, measured in turn on the same devices.
"$place/head/bin/pipebench" ab --a-python "$place/base/bin/python" --b-python "$place/head/bin/python" \
  "${limits[@]}" "${report[@]}" -- "${options[@]}"
