#!/bin/sh
# keep_ptxas.sh COMMAND...: runs a compilation by nvcc, keeps what `ptxas -v` says in <object file>.ptxas, and shows the rest
# of its messages. The build calls nvcc through it; tests/tools/resources.sh reads what is kept.
object= previous=
for word; do
  [ "$previous" = -o ] && object=$word
  previous=$word
done
[ -n "$object" ] || exec "$@"

messages=$object.messages
"$@" 2> "$messages"
result=$?
informs='^ptxas info|bytes stack frame'
grep -E "$informs" "$messages" > "$object.ptxas"
grep -Ev "$informs" "$messages" >&2
rm -f "$messages"
exit $result
