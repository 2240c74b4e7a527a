#!/bin/sh
# 失敗する見本。何が起きたか、次に何をするかがどう見えるかを試す。
# A job that fails, to see how a failure is explained.
printf 'checking the configuration ...\n'
sleep 1
printf '\033[31merror\033[0m: port 8080 is already in use\n' >&2
printf 'hint: stop the other process, or choose another port\n' >&2
exit 3
