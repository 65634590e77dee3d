#!/bin/sh
# A whole copy of the server while it runs, checked against its own list; what it needs of the log is with it.
# base-backup.sh FOLDER: prints the folder made in it. Whom to ask is said by PGHOST, PGPORT, PGUSER.
set -eu
umask 077
made=$1/$(date -u +%Y%m%dT%H%M%SZ)
[ ! -e "$made" ]
rm -rf "$1/.part"
pg_basebackup --pgdata "$1/.part" --checkpoint fast --no-password
pg_verifybackup --quiet "$1/.part"
sync "$1/.part"
mv "$1/.part" "$made"
printf '%s\n' "$made"
